// node read.js TILE: a line of JSON for each feature, as @mapbox/vector-tile sees it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The packages lie in the build folder, where `npm ci` put them.
const require = createRequire(pathToFileURL(join(process.env.TILES_JS_FOLDER, 'package.json')));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { VectorTile } = await load('@mapbox/vector-tile');
const { PbfReader, default: Pbf } = await load('pbf');

// A copy: pbf 4.0 reads doubles at the wrong place in a Buffer that is part of node's pool.
const bytes = new Uint8Array(readFileSync(process.argv[2]));
const tile = new VectorTile(new (PbfReader ?? Pbf)(bytes));
for (const layer of Object.values(tile.layers)) {
  for (let i = 0; i < layer.length; ++i) {
    const f = layer.feature(i);
    const parts = f.loadGeometry().map((part) => part.map((p) => [p.x, p.y]));
    console.log(JSON.stringify([layer.name, f.id, f.type, parts, f.properties]));
  }
}
