// Bundles tests/*.test.js, which import the page's TypeScript, and has Node's own runner run them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

const folder = new URL('../tests/', import.meta.url).pathname;
const tests = readdirSync(folder).filter((name) => name.endsWith('.test.js'));
const out = mkdtempSync(join(tmpdir(), 'gridlight-unit-'));
try {
  // One by one, so that each file's modules load in the order of its imports.
  for (const name of tests)
    await build({
      configFile: false,
      root: join(folder, '..'),
      logLevel: 'warn',
      ssr: { noExternal: true },
      build: {
        ssr: join(folder, name),
        outDir: out,
        emptyOutDir: false,
        target: 'node18',
        rollupOptions: { output: { entryFileNames: name.replace(/js$/, 'mjs') } },
      },
    });
  const files = tests.map((name) => join(out, name.replace(/js$/, 'mjs')));
  process.exitCode = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
