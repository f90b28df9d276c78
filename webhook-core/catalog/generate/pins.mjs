// node pins.mjs NPM_VERSION PYPI_VERSION: pins these packages, which are installed, in versions.json, as a new version or in
// place of the newest if they are of the same release. Prints the npm version that is pinned no more, if there is one.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { here, npmFolder, readPins, releaseOf } from './versions.mjs';

function apiOf(npm) {
  const source = readFileSync(path.join(npmFolder(npm), 'cjs/apiVersion.js'), 'utf8');
  return source.match(/ApiVersion = '([^']+)'/)[1];
}

function write(pins) {
  const lines = pins.map((pin) => `  ${JSON.stringify(pin, null, 1).replace(/\s*\n\s*/g, ' ')}`);
  writeFileSync(path.join(here, 'versions.json'), `[\n${lines.join(',\n')}\n]\n`);
}

const [npm, pypi] = process.argv.slice(2);
const pins = readPins();
const api = apiOf(npm);
const isSameRelease = releaseOf(pins[0].api) === releaseOf(api);
if (!isSameRelease && api < pins[0].api) {
  console.error(`pins: npm stripe ${npm} is made for API ${api}, which is older than ${pins[0].api}.`);
  process.exit(1);
}
const [newest, ...older] = pins;
write([{ api, npm, pypi }, ...(isSameRelease ? older : pins)]);
if (isSameRelease && newest.npm !== npm) console.log(newest.npm);
