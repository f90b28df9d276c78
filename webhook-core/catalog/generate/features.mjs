// Each pinned version has a Cargo feature in four crates, and a place in the catalog's list of versions. These lines are
// rewritten in place; everything else in the files is written by hand.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fail } from './source.mjs';
import { here, releaseOf } from './versions.mjs';

const root = path.join(here, '..', '..', '..');
const lines = (each) => each.map((line) => `${line}\n`).join('');

/** Replaces the one match of a pattern. */
function replaceIn(file, text, pattern, replacement) {
  if (text.match(new RegExp(pattern, `${pattern.flags}g`))?.length !== 1) fail(`${file}: ${pattern} was not found once`);
  return text.replace(pattern, () => replacement);
}

/** The names of the features, the oldest version first. */
const namesOf = (pins, prefix) => pins.map(({ api }) => `${prefix}-${releaseOf(api)}`).reverse();

/** A crate that only hands its features on: all lines are like the first one. */
function handedOn(pins, file, text) {
  const names = namesOf(pins, 'api');
  const [line, name] = text.match(/^(api-\S+) = .*$/m) ?? fail(`${file} has no feature api-…`);
  const like = names.map((other) => line.replaceAll(name, other));
  const made = replaceIn(file, text, /(?:^api-\S+ = .*\n)+/m, lines(like));
  return /^default = /m.test(made) ? replaceIn(file, made, /(?<=^default = \[.*)"api-[^"]+"/m, `"${names.at(-1)}"`) : made;
}

/** The catalog, where each version needs the texts of those between it and the newest. */
function ofCatalog(pins, file, text) {
  const [api, since] = [namesOf(pins, 'api'), namesOf(pins, 'since').slice(0, -1)];
  const enabling = api.map((name, at) => `${name} = [${since[at] ? `"${since[at]}"` : ''}]`);
  const texts = since.map((name, at) => `${name} = [${since[at + 1] ? `"${since[at + 1]}"` : ''}]`);
  let made = replaceIn(file, text, /(?:^api-\S+ = .*\n)+/m, lines(enabling));
  made = replaceIn(file, made, /(?:^since-\S+ = .*\n)+/m, lines(texts));
  return replaceIn(file, made, /(?<=features = \[)"api-[^"]+"/, `"${api.at(-1)}"`);
}

function ofVersions(pins, file, text) {
  const [newest, ...older] = pins;
  const rows = older.map(({ api }) => `    "${api}": "api-${releaseOf(api)}", "since-${releaseOf(api)}";`).reverse();
  const feature = `api-${releaseOf(newest.api)}`;
  const made = replaceIn(file, text, /(?:^ {4}"[^"]+": "api-[^"]+", "since-[^"]+";\n)+/m, lines(rows));
  const [known] = made.match(/const NEWEST: Known = [^]*?};/) ?? fail(`${file} has no NEWEST`);
  const now = known.replace(/name: "[^"]*"/, `name: "${newest.api}"`).replace(/"api-[^"]*"/g, `"${feature}"`);
  return made.replace(known, () => now);
}

/** The error for no feature at all. */
function ofServer(pins, file, text) {
  const names = namesOf(pins, 'api');
  const conditions = names.map((name) => `    feature = "${name}"`).join(',\n');
  const made = replaceIn(file, text, /(?: {4}feature = "api-[^"]+",?\n)+/, `${conditions}\n`);
  return replaceIn(file, made, /`api-[^`]+`(?:, `api-[^`]+`)+/, names.map((name) => `\`${name}\``).join(', '));
}

const places = {
  'webhook-core/catalog/Cargo.toml': ofCatalog,
  'webhook-core/catalog/src/version.rs': ofVersions,
  'webhook-core/Cargo.toml': handedOn,
  'webhook-macros/Cargo.toml': handedOn,
  'webhook-server/Cargo.toml': handedOn,
  'webhook-server/src/lib.rs': ofServer,
};

/** Each file as it is and as it has to be: { name, file, before, after }. */
export function writeFeatures(pins) {
  return Object.entries(places).map(([name, write]) => {
    const file = path.join(root, name);
    const before = readFileSync(file, 'utf8');
    return { name, file, before, after: write(pins, name, before) };
  });
}
