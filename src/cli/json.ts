// JSON from files and from other programs. The engine's own message quotes the text, which may hold secrets, or sequences that
// steer a terminal.

/** Parses JSON. Throws an error that names the source, and quotes nothing of the text. */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    throw new Error(`${source} is not valid JSON`);
  }
}
