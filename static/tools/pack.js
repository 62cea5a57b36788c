// Packs each file of dist/ once, so that the server never does: NAME.gz and NAME.br beside it, where that is smaller.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const packed = /\.(woff2?|png|jpe?g|webp|gz|br)$/; // is so already
const all = readdirSync('dist', { recursive: true }).map((name) => join('dist', name.toString()));
for (const path of all) {
  if (!statSync(path).isFile() || packed.test(path)) continue;
  const plain = readFileSync(path);
  const made = {
    gz: gzipSync(plain, { level: 9 }),
    br: brotliCompressSync(plain, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
    }),
  };
  for (const [ending, bytes] of Object.entries(made))
    if (bytes.length < plain.length) writeFileSync(`${path}.${ending}`, bytes);
}
