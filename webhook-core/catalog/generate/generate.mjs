// node generate.mjs write|check|update: the main program (see generate.sh).
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { answerBook } from './answers.mjs';
import { answerAlone, crossCheckEvents, crossCheckObjects } from './cross-check.mjs';
import { checkDeviations } from './deviations.mjs';
import { writeFeatures } from './features.mjs';
import { readPaths } from './read-paths.mjs';
import { unusedEvents } from './read-snapshot-events.mjs';
import { readVersion } from './read-version.mjs';
import { unansweredRemovals } from './removed.mjs';
import { kindSettler } from './settle-kinds.mjs';
import { Failure, fail } from './source.mjs';
import { difference, linesChanged } from './summary.mjs';
import { textsOf, treesOf } from './texts.mjs';
import { unusedTimes } from './times.mjs';
import { here, readPins, releaseOf } from './versions.mjs';

const inSrc = (name) => path.join(here, '..', 'src', name);

/** Compares the packages of one version, and makes of the two what is written. */
async function decide(version, answers, kinds) {
  const { pin, objects } = version;
  const python = await version.python;
  if (!python) {
    kinds.settle(objects);
    answerAlone(objects, answers);
    return [];
  }
  if (python.api_version !== pin.api) fail(`PyPI stripe ${pin.pypi} is made for API ${python.api_version}, not ${pin.api}`);
  crossCheckEvents(version, python);
  const problems = crossCheckObjects(objects, python, answers);
  kinds.settle(objects);
  return problems.map((problem) => `${pin.api}: ${problem}`);
}

async function generate() {
  const pins = readPins();
  const versions = pins.map(readVersion);
  checkDeviations(versions[0].stripe, readFileSync(inSrc('deviations.txt'), 'utf8'));
  const answers = answerBook(pins);
  const kinds = kindSettler();
  const problems = [];
  for (const version of versions) problems.push(...await decide(version, answers.of(releaseOf(version.pin.api)), kinds));
  problems.push(...answers.unneeded());
  const unused = [...unusedTimes(), ...unusedEvents(), ...kinds.unused()];
  problems.push(...unused.map((name) => `${name}: listed in exceptions.mjs, but not needed`));
  for (const number of kinds.undecided()) problems.push(`${number}: integer or float? No version tells`);
  if (problems.length) fail(`npm, PyPI and exceptions.mjs do not agree in ${problems.length} places:\n  ${problems.join('\n  ')}`);
  const trees = treesOf(versions);
  const inOrder = pins.map(({ api }, at) => ({ api, tree: trees[at] }));
  const unanswered = unansweredRemovals(inOrder, readFileSync(inSrc('moves.txt'), 'utf8'));
  return { made: textsOf(versions, trees, readPaths(versions[0])), unanswered };
}

/** The generated files that are there. */
function checkedIn(names) {
  const older = existsSync(inSrc('versions')) ? readdirSync(inSrc('versions')).map((name) => `versions/${name}`) : [];
  const all = new Set([...names, ...older]);
  return new Map([...all].map((name) => [name, existsSync(inSrc(name)) ? readFileSync(inSrc(name), 'utf8') : '']));
}

function summaryOf(before, made) {
  const out = [];
  const isChanged = (name) => before.get(name) !== made.get(name);
  if (isChanged('events.txt') || isChanged('objects.txt')) out.push(`${difference(before, made)}\n`);
  for (const [name, text] of before) {
    const isOfLines = name.startsWith('versions/') || name === 'paths.txt';
    if (isOfLines && isChanged(name)) out.push(linesChanged(name, text, made.get(name) ?? ''));
  }
  return out.join('\n');
}

async function main(mode) {
  const { made, unanswered } = await generate();
  const before = checkedIn(made.keys());
  const changed = [...before.keys()].filter((name) => before.get(name) !== made.get(name));
  const features = writeFeatures(readPins()).filter(({ before, after }) => before !== after);
  const todo = unanswered.length ? `moves.txt does not say where these fields went:\n  ${unanswered.join('\n  ')}` : null;
  if (mode === 'check') {
    if (changed.length) console.log(summaryOf(before, made));
    const remedy = 'run generate.sh and commit.';
    const sentences = changed.map((name) => `${name} is not what the generator makes: ${remedy}`);
    for (const { name } of features) sentences.push(`${name} does not have the features of the pinned versions: ${remedy}`);
    if (todo) sentences.push(todo);
    return sentences.length ? fail(sentences.join('\n')) : console.log(`All ${made.size} files are what the generator makes.`);
  }
  mkdirSync(inSrc('versions'), { recursive: true });
  for (const name of changed) {
    if (made.has(name)) writeFileSync(inSrc(name), made.get(name));
    else rmSync(inSrc(name));
  }
  for (const { file, after } of features) writeFileSync(file, after);
  if (mode === 'update' && changed.length) console.log(summaryOf(before, made));
  const wrote = [...changed, ...features.map(({ name }) => name)];
  console.log(wrote.length ? `Wrote ${wrote.join(', ')}.` : 'Nothing changed.');
  if (todo) console.log(todo);
  return undefined;
}

try {
  await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`generate: ${error.message}`);
  process.exit(1);
}
