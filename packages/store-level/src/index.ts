/** The disk: key-value stores over LevelDB, the journal file, and the lock of a daemon's home. */
export { type FileJournalOptions, openFileJournal } from './file-journal.ts'
export { type LevelStoreOptions, openLevelStore } from './level-store.ts'
export { type FolderLock, lockFolder } from './lock-folder.ts'
