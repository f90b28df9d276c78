// Compares the types read from npm with those of PyPI, field by field, and turns every `number` into integer or float.
// Where the two sides disagree, `disagreements` of exceptions.mjs has the answer. A version without a PyPI package gets
// those answers that fit its npm side.
import { same } from './read-snapshot-events.mjs';
import { fail } from './source.mjs';

export function crossCheckEvents({ stripe, snapshot, thin }, python) {
  const types = [...snapshot.keys()];
  same('npm Event', types, 'PyPI Event.type', python.snapshot);
  for (const [params, list] of Object.entries(python.enabled_events)) {
    same('npm Event', types, `PyPI enabled_events (${params})`, list.filter((t) => t !== '*'));
  }
  for (const kind of ['event', 'notification']) {
    const other = python.thin[kind];
    const known = kind === 'notification' && !stripe.notificationUnion() ? new Map() : thin;
    same('npm V2 Event', [...known.keys()], `PyPI thin ${kind}s`, Object.keys(other));
    for (const event of known.values()) {
      const there = other[event.type];
      const hasData = kind === 'event' && event.data !== null;
      if (there.related !== event.related || `${there.objects}` !== `${event.objects}` || (there.data !== null) !== hasData) {
        fail(`the thin ${kind} ${event.type} differs: npm ${JSON.stringify(event)}, PyPI ${JSON.stringify(there)}`);
      }
    }
  }
}

/** PyPI types of the same meaning: the stubs of deleted objects are part of the object there. */
const withoutDeleted = (names) => [...new Set(names.map((n) => n.replace(/^deleted_/, '')))].sort().join(' ');

/** What PyPI calls the kinds it has no type for. */
const inPython = { timestamp: 'integer', int64: 'integer', datetime: 'string' };

/** A type in words of PyPI, nested fields left out. */
const about = (type) => {
  if (!type) return 'absent';
  const inner = {
    literal: () => JSON.stringify(type.value),
    enum: () => `${type.open ? 'open ' : ''}enum<${type.values.join(' ')}>`,
    object: () => `object<${withoutDeleted(type.of)}>`,
    expandable: () => `expandable<${type.of ? withoutDeleted(type.of) : '{}'}>`,
    list: () => `list<${about(type.of)}>`,
    array: () => `array<${about(type.of)}>`,
    map: () => `map<${about(type.of)}>`,
    shape: () => '{}',
  }[type.k]?.() ?? inPython[type.k] ?? type.k;
  return type.nullable ? `${inner} | null` : inner;
};

/** npm knows only `number`; PyPI tells int from float. */
function decideNumbers(npm, pypi) {
  if (npm.k === 'number' && (pypi?.k === 'integer' || pypi?.k === 'float')) npm.k = pypi.k;
  if (npm.of?.k && pypi?.of?.k) decideNumbers(npm.of, pypi.of);
}

/** Changes the objects of a version to what is true of them, and returns what has no answer. */
export function crossCheckObjects(objects, python, answers) {
  const problems = [];

  const settle = (path, field, pypi) => {
    const [npmText, pypiText] = [about(field && expectedOf(field)), about(pypi)];
    const known = answers.find(path, npmText, pypiText);
    if (known) take(known, path, field, objects);
    else if (npmText !== pypiText) problems.push(`${path}: npm has ${npmText}, PyPI has ${pypiText}`);
  };

  const compare = (path, field, pypi) => {
    const npm = field.type;
    decideNumbers(npm, pypi);
    settle(path, field, pypi);
    if (npm.k === 'number') problems.push(`${path}: integer or float? PyPI does not tell`);
    if (npm.k !== pypi?.k) return;
    if (npm.k === 'list' || npm.k === 'array' || npm.k === 'map') {
      compare(`${path}[]`, { type: npm.of }, pypi.of);
    } else if (npm.k === 'shape') {
      compareFields(path, npm.fields, pypi.fields);
    } else if (npm.shape && pypi.shape) {
      compareFields(path, npm.shape.fields, pypi.shape.fields);
    }
  };

  const compareFields = (path, npm, pypi) => {
    const left = new Map(pypi.map((f) => [f.name, f.type]));
    for (const field of npm) {
      compare(`${path}.${field.name}`, field, left.get(field.name));
      left.delete(field.name);
    }
    for (const [name, type] of left) settle(`${path}.${name}`, null, type);
  };

  for (const [name, object] of objects) {
    const fields = object.isData ? python.thin.event[name].data : python.objects[name.replace(/^deleted_/, '')];
    compareFields(name, object.fields, name.startsWith('deleted_') ? fieldsOfStub(object, fields) : fields);
  }
  return problems;
}

/** Changes the objects of a version of which there is only npm's side. */
export function answerAlone(objects, answers) {
  const visit = (path, field) => {
    const known = answers.find(path, about(expectedOf(field)), null);
    if (known) take(known, path, field, objects);
    const { type } = field;
    if (type.of?.k) visit(`${path}[]`, { type: type.of });
    for (const inner of type.fields ?? type.shape?.fields ?? []) visit(`${path}.${inner.name}`, inner);
  };
  for (const [name, object] of objects) {
    for (const field of object.fields) visit(`${name}.${field.name}`, field);
  }
}

/** npm's type, in PyPI's words: what may be absent may be None. */
const expectedOf = (field) => ({ ...field.type, nullable: field.type.nullable || field.optional || undefined });

function take({ take: taken }, path, field, objects) {
  if ('optional' in taken) field.optional = taken.optional;
  if (taken.of) field.type.of = taken.of;
  if (taken.type) field.type = structuredClone(taken.type);
  for (const name of taken.of ?? []) if (!objects.has(name)) fail(`${path}: there is no object ${name}`);
}

/** PyPI has no class for a deleted stub; its fields are those of the object, with `deleted` always true. */
function fieldsOfStub(stub, fields) {
  return fields
    .filter((f) => stub.fields.some((own) => own.name === f.name))
    .map((f) => (f.name === 'deleted' ? { ...f, type: { ...f.type, nullable: undefined } } : f));
}
