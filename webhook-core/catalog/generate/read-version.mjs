// Reads what the packages of one API version say: the events, and the objects and data that they carry.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openModules } from './open-modules.mjs';
import { openNamespace } from './open-namespace.mjs';
import { objectReader } from './read-objects.mjs';
import { readSnapshotEvents } from './read-snapshot-events.mjs';
import { readThinEvents } from './read-thin-events.mjs';
import { Failure, fail } from './source.mjs';
import { here, npmFolder, pypiFolder } from './versions.mjs';

function open(folder) {
  return existsSync(path.join(folder, 'types')) ? openNamespace(folder) : openModules(folder);
}

function readPython(pypi, names) {
  return new Promise((resolve, reject) => {
    const script = path.join(here, 'pypi/describe.py');
    const child = execFile('python3', [script, pypiFolder(pypi)], { maxBuffer: 1 << 28 }, (error, text) => {
      if (error) reject(new Failure(`pypi/describe.py failed: ${error.message}`));
      else resolve(JSON.parse(text));
    });
    child.stdin.end(names.join('\n'));
  });
}

/** `python` is a promise: PyPI's package is read by another process meanwhile. */
export function readVersion(pin) {
  const stripe = open(npmFolder(pin.npm));
  if (stripe.apiVersion !== pin.api) fail(`npm stripe ${pin.npm} is made for API ${stripe.apiVersion}, not ${pin.api}`);
  const reader = objectReader(stripe);
  const snapshot = readSnapshotEvents(stripe, reader);
  const thin = readThinEvents(stripe, reader);
  const objects = reader.closure();
  const names = [...new Set([...objects.keys()].map((name) => name.replace(/^deleted_/, '')))];
  for (const type of [...snapshot.keys(), ...thin.keys()]) if (objects.has(type)) fail(`an object and an event type: ${type}`);
  for (const { data } of thin.values()) if (data) objects.set(data.name, data);
  return { pin, stripe, snapshot, thin, objects, python: pin.pypi && readPython(pin.pypi, names) };
}
