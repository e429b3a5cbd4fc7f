// That a text holds no secret: in a log, a stored row, a response. Random ids stand in most of these texts, and hold any
// few letters now and then, so a marker has to be long, or has to hold what no id holds.

/** Case ignored, one position of an id holds such a marker with a probability below 32^-12. */
const SHORTEST_MARKER = 12;
/** The letters of ids, tokens and numbers: base64url, hexadecimal, UUIDs. */
const LETTERS_OF_IDS = /^[\w-]*$/;

/** Whether no text holds a marker by chance. */
export function isTelling(marker: string): boolean {
  return marker.length >= SHORTEST_MARKER || !LETTERS_OF_IDS.test(marker);
}

/** Throws when one of the markers stands in a text, in any case, and when one is so short that it could by chance. */
export function expectAbsent(text: string, markers: readonly string[]): void {
  if (markers.length === 0) throw new Error('no marker was given');
  const lowered = text.toLowerCase();
  for (const marker of markers) {
    if (!isTelling(marker)) throw new Error(`${JSON.stringify(marker)} is too short a marker`);
    // Not with the text, which may be long, and with the part around it, which shows where it stands.
    const at = lowered.indexOf(marker.toLowerCase());
    if (at >= 0)
      throw new Error(`${JSON.stringify(marker)} stands in …${text.slice(Math.max(0, at - 80), at)}…`);
  }
}
