// node removed.mjs NPM_VERSION…: lists the fields that the catalog's objects had in earlier versions of npm `stripe`, no
// longer have, and that moves.txt does not contain. It reads versions up to 20, whose declarations are one namespace;
// `generate.sh --update` lists what later versions remove.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const src = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'src');
const lines = (name) => readFileSync(path.join(src, name), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));

/** Object → the paths of its fields, of objects.txt. */
function present() {
  const objects = new Map();
  let fields = new Set();
  let steps = [];
  for (const line of lines('objects.txt')) {
    if (!line.startsWith(' ')) {
      fields = new Set();
      if (line.startsWith('object ')) objects.set(line.split(' ')[1], fields);
      continue;
    }
    const [, indent, name] = line.match(/^( +)(.+?)\??: /);
    steps = [...steps.slice(0, indent.length / 2 - 1), name];
    fields.add(steps.join('.'));
  }
  return objects;
}

function install(version) {
  const folder = mkdtempSync(path.join(tmpdir(), 'stripe-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, `stripe@${version}`]);
  execFileSync('tar', ['xzf', path.join(folder, `stripe-${version}.tgz`), '-C', folder]);
  return path.join(folder, 'package', 'types');
}

const declarationFiles = (folder) => readdirSync(folder, { recursive: true })
  .filter((name) => name.endsWith('.d.ts'))
  .map((name) => path.join(folder, name));

/** Qualified name → the members of the interfaces of that name. */
function interfacesOf(folder) {
  const interfaces = new Map();
  const visit = (node, prefix) => ts.forEachChild(node, (child) => {
    if (ts.isModuleDeclaration(child) && child.body) {
      const name = child.name.text;
      visit(child.body, name.toLowerCase() === 'stripe' ? '' : `${prefix}${name}.`);
    } else if (ts.isInterfaceDeclaration(child)) {
      const name = prefix + child.name.text;
      interfaces.set(name, [...(interfaces.get(name) ?? []), ...child.members]);
    }
  });
  for (const file of declarationFiles(folder)) {
    visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true), '');
  }
  return interfaces;
}

const nameOf = (member) => member.name?.getText().replace(/['"]/g, '');

function objectOf(members) {
  const type = members.find((member) => nameOf(member) === 'object')?.type;
  return type && ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? type.literal.text : null;
}

/** Object → the paths of its fields, as the declarations have them. */
function former(interfaces) {
  const objects = new Map();
  const walk = (members, prefix, scope, fields) => {
    for (const member of members.filter(ts.isPropertySignature)) {
      const field = prefix + nameOf(member);
      fields.add(field);
      follow(member.type, `${field}.`, scope, fields);
    }
  };
  const follow = (type, prefix, scope, fields) => {
    if (!type || prefix.split('.').length > 8) return;
    if (ts.isTypeLiteralNode(type)) return void walk(type.members, prefix, scope, fields);
    const inner = type.types ?? (type.elementType ? [type.elementType] : type.typeArguments ?? (type.type ? [type.type] : []));
    inner.forEach((part) => follow(part, prefix, scope, fields));
    if (!ts.isTypeReferenceNode(type) || type.typeArguments) return;
    const written = type.typeName.getText();
    const name = written.replace(/^Stripe\./, '');
    const scopes = scope.split('.').map((_, at, all) => [...all.slice(0, all.length - at), name].join('.'));
    const found = [...(name === written ? scopes : []), name].find((known) => interfaces.has(known));
    if (found && !objectOf(interfaces.get(found))) walk(interfaces.get(found), prefix, found, fields);
  };
  for (const [name, members] of interfaces) {
    const object = objectOf(members);
    const isStub = members.some((member) => nameOf(member) === 'deleted' && !member.questionToken);
    if (!object || isStub) continue;
    const fields = new Set();
    walk(members, '', name, fields);
    if ((objects.get(object)?.size ?? 0) < fields.size) objects.set(object, fields);
  }
  return objects;
}

const now = present();
const answered = new Set(lines('moves.txt').filter((line) => line.startsWith('  ')).map((line) => line.trim().split(' ').slice(0, 2).join(' ')));
for (const version of process.argv.slice(2)) {
  for (const [object, fields] of former(interfacesOf(install(version)))) {
    for (const field of fields) {
      const outer = field.includes('.') ? field.slice(0, field.lastIndexOf('.')) : null;
      const isInside = outer !== null && fields.has(outer) && !now.get(object)?.has(outer);
      if (!now.has(object) || now.get(object).has(field) || isInside || answered.has(`${object} ${field}`)) continue;
      console.log(`${version}: ${object} ${field}`);
    }
  }
}
