// node generate.mjs write|check|update: the main program (see generate.sh).
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { crossCheckEvents, crossCheckObjects } from './cross-check.mjs';
import { checkDeviations } from './deviations.mjs';
import { difference } from './diff.mjs';
import { readSnapshotEvents, readThinEvents } from './read-events.mjs';
import { objectReader } from './read-objects.mjs';
import { Failure, fail, openStripe } from './source.mjs';
import { writeEvents, writeObjects } from './write.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const inSrc = (name) => path.join(here, '..', 'src', name);

function readPython(names) {
  try {
    const text = execFileSync(path.join(here, '.venv/bin/python'), [path.join(here, 'python_types.py')], {
      input: names.join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return JSON.parse(text);
  } catch (error) {
    return fail(`python_types.py failed: ${error.message}`);
  }
}

function generate() {
  const stripe = openStripe(path.join(here, 'node_modules/stripe'));
  const reader = objectReader(stripe);
  const snapshot = readSnapshotEvents(stripe, reader);
  const thin = readThinEvents(stripe, reader);
  const objects = reader.closure();
  const python = readPython([...new Set([...objects.keys()].map((name) => name.replace(/^deleted_/, '')))]);
  if (python.api_version !== stripe.apiVersion) {
    fail(`npm stripe ${stripe.version} is made for API ${stripe.apiVersion}, PyPI stripe ${python.version} for ${python.api_version}`);
  }
  crossCheckEvents(snapshot, thin, python);
  checkDeviations(stripe, readFileSync(inSrc('deviations.txt'), 'utf8'));
  crossCheckObjects(objects, python);
  const versions = { npm: stripe.version, pypi: python.version, api: stripe.apiVersion };
  return {
    'events.txt': writeEvents(versions, snapshot, thin),
    'objects.txt': writeObjects(versions, objects),
  };
}

function main(mode) {
  const made = generate();
  const before = Object.fromEntries(
    Object.keys(made).map((name) => [name, existsSync(inSrc(name)) ? readFileSync(inSrc(name), 'utf8') : '']),
  );
  const same = Object.keys(made).every((name) => made[name] === before[name]);
  if (mode === 'check') {
    if (same) return console.log('events.txt and objects.txt are what the generator makes.');
    console.log(difference(before, made));
    return fail('events.txt or objects.txt is not what the generator makes: run generate.sh and commit.');
  }
  for (const [name, text] of Object.entries(made)) writeFileSync(inSrc(name), text);
  if (mode === 'update') console.log(same ? 'Nothing changed.' : difference(before, made));
  else console.log(same ? 'Nothing changed.' : 'Wrote events.txt and objects.txt.');
  return undefined;
}

try {
  main(process.argv[2]);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`generate: ${error.message}`);
  process.exit(1);
}
