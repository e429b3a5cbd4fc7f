// Web Crypto's types under Node: its own declarations name the class and leave out the global type that tokens/ uses.
import type { webcrypto } from 'node:crypto';

declare global {
  interface CryptoKey extends webcrypto.CryptoKey {}
}
