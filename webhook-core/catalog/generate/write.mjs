// The text of one version's events and objects, and of the paths. The format is described in README.md.
import { byName, inOrder } from './order.mjs';

const word = (value) => (/[\s<>"|]/.test(value) || value === '' ? JSON.stringify(value) : value);

/** The type as one text; the fields of a nested shape (see `shapeOf`) follow on deeper lines. */
function typeText(type) {
  const inner = {
    literal: () => JSON.stringify(type.value),
    enum: () => `enum<${type.values.map(word).join(' ')}>`,
    object: () => `object<${[...type.of].sort(byName).join(' ')}>`,
    expandable: () => `expandable<${type.of ? [...type.of].sort(byName).join(' ') : '{}'}>`,
    list: () => `list<${type.of.k === 'object' ? type.of.of.join(' ') : typeText(type.of)}>`,
    array: () => `array<${typeText(type.of)}>`,
    map: () => `map<${typeText(type.of)}>`,
    shape: () => '{}',
  }[type.k]?.() ?? type.k;
  return type.nullable ? `${inner} | null` : inner;
}

const shapeOf = (type) => {
  if (type.k === 'shape') return type;
  if (type.k === 'expandable') return type.shape ?? null;
  return ['list', 'array', 'map'].includes(type.k) ? shapeOf(type.of) : null;
};

function writeFields(lines, fields, indent) {
  for (const { name, optional, type } of inOrder(fields, (field) => field.name)) {
    lines.push(`${indent}${word(name)}${optional ? '?' : ''}: ${typeText(type)}`);
    const shape = shapeOf(type);
    if (shape) writeFields(lines, shape.fields, `${indent}  `);
  }
}

const sortedKeys = (map) => [...map.keys()].sort(byName);

/** Lines without a head. */
export function writeEvents({ pin, snapshot, thin }) {
  const lines = [`api_version ${pin.api}`];
  for (const type of sortedKeys(snapshot)) {
    lines.push(`snapshot ${type} ${[...snapshot.get(type).objects].sort(byName).join('|') || '-'}`);
  }
  for (const type of sortedKeys(thin)) {
    const event = thin.get(type);
    const words = ['thin', type, [...event.objects].sort(byName).join('|') || '-'];
    if (event.related === 'singleton') words.push('singleton');
    if (event.data) words.push('data');
    lines.push(words.join(' '));
  }
  return lines;
}

/** Lines without a head. */
export function writeObjects({ objects }) {
  const lines = [];
  const base = (name) => name.replace(/^deleted_/, '');
  const names = [...objects.keys()].sort((a, b) => byName(base(a), base(b)) || a.length - b.length);
  for (const name of names) {
    const { isData, fields } = objects.get(name);
    const kind = isData ? 'data' : name === base(name) ? 'object' : 'deleted';
    lines.push(`${kind} ${base(name)}`);
    writeFields(lines, fields, '  ');
  }
  return lines;
}

/** Lines without a head, of object name → paths. */
export const writePaths = (paths) => sortedKeys(paths).map((name) => [name, ...paths.get(name)].join(' '));
