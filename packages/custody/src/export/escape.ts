/** For text and attributes of XML. What XML cannot hold at all, `printable` has taken out before. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
