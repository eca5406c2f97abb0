/** What the demo's records are. */
export const FHIR_JSON = { mediaType: 'application/fhir+json' } as const
