// Text of files that tests import as it is.
declare module '*.md?raw' {
  const text: string;
  export = text;
}
