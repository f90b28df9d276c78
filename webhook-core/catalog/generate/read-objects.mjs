// Turns interfaces of npm `stripe` into the catalog's own model.
//
// A type is { k: KIND, nullable: true|undefined, … }:
//   string boolean datetime decimal timestamp any
//   int64                       an integer that travels as a JSON string
//   number                      integer or float, decided later by the PyPI package
//   literal {value}             enum {values, open}
//   object {of: [names]}        expandable {of: [names]}
//                               (or expandable {shape}, of a nested shape)
//   list|array|map {of: type}   shape {fields: [{name, optional, type}]}
// An object is { name, fields }; `name` of a deleted stub starts with "deleted_". The data of a thin event is one, too, whose
// name is the event's type and which has `isData`.
import { docOf, fail } from './source.mjs';
import { timeOr } from './times.mjs';

export function objectReader(stripe) {
  const { ts, place } = stripe;
  const declarations = new Map(); // object name → interface
  const waiting = [];
  const objects = new Map();

  const objectLiteral = (declaration) => {
    const type = stripe.member(declaration, 'object')?.type;
    return type && ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? type.literal.text : null;
  };

  /** Name of the API object an interface declares; null when it is a plain shape. */
  const objectName = (declaration) => {
    if (!ts.isInterfaceDeclaration(declaration) || !stripe.isTopLevel(declaration)) return null;
    const literal = objectLiteral(declaration);
    if (literal === null) return null;
    if (literal.startsWith('deleted_')) fail(`an object that is named like a deleted stub: ${place(declaration.name)}`);
    const deleted = stripe.member(declaration, 'deleted');
    const name = deleted && !deleted.questionToken ? `deleted_${literal}` : literal;
    const known = declarations.get(name);
    if (known && known !== declaration) {
      fail(`two interfaces are the object ${name}: ${place(known.name)} and ${place(declaration.name)}`);
    }
    if (!known) {
      declarations.set(name, declaration);
      waiting.push(name);
    }
    return name;
  };

  /** The two aliases that stand for themselves: any other string, and a decimal string. */
  const special = (name) => name === 'OtherString' || name === 'Decimal';

  /** Members of a union, type aliases of unions opened. */
  const flatten = (node) => {
    if (ts.isParenthesizedTypeNode(node)) return flatten(node.type);
    if (ts.isUnionTypeNode(node)) return node.types.flatMap(flatten);
    if (ts.isTypeReferenceNode(node) && !node.typeArguments) {
      const declaration = stripe.declarationOf(node);
      if (declaration && ts.isTypeAliasDeclaration(declaration) && !special(declaration.name.text)) {
        return flatten(declaration.type);
      }
    }
    return [node];
  };

  const readType = (node, at) => {
    const unknown = (n) => fail(`a type that is not understood, of ${at.path}: ${place(n)}`);
    const parts = flatten(node);
    const isNull = (n) => ts.isLiteralTypeNode(n) && n.literal.kind === ts.SyntaxKind.NullKeyword;
    const rest = parts.filter((n) => !isNull(n));
    const type = rest.length === 1 ? readOne(rest[0], at, unknown) : readUnion(rest, at, unknown, node);
    if (rest.length < parts.length) type.nullable = true;
    return type;
  };

  const readUnion = (parts, at, unknown, node) => {
    const open = parts.filter((n) => !(ts.isTypeReferenceNode(n) && n.typeName.getText() === 'OtherString'));
    if (open.every((n) => ts.isLiteralTypeNode(n) && ts.isStringLiteral(n.literal))) {
      return { k: 'enum', values: [...new Set(open.map((n) => n.literal.text))].sort(), open: open.length < parts.length };
    }
    if (open.length < parts.length) unknown(node);
    const types = parts.map((n) => readOne(n, at, unknown));
    const names = types.filter((t) => t.k === 'object').flatMap((t) => t.of).sort();
    if (names.length === types.length) return { k: 'object', of: names };
    if (names.length === types.length - 1 && types.some((t) => t.k === 'string')) {
      return { k: 'expandable', of: names };
    }
    const shape = types.find((t) => t.k === 'shape');
    if (shape && types.length === 2 && types.some((t) => t.k === 'string')) return { k: 'expandable', shape };
    return unknown(node);
  };

  const readOne = (node, at, unknown) => {
    switch (node.kind) {
      case ts.SyntaxKind.StringKeyword: return { k: timeOr('string', at) };
      case ts.SyntaxKind.NumberKeyword: return { k: timeOr('number', at) };
      case ts.SyntaxKind.BigIntKeyword: return { k: 'int64' };
      case ts.SyntaxKind.BooleanKeyword: return { k: 'boolean' };
      case ts.SyntaxKind.AnyKeyword:
      case ts.SyntaxKind.UnknownKeyword: return { k: 'any' };
      // `deleted?: void` says "not the deleted stub"; on the wire it is absent or true.
      case ts.SyntaxKind.VoidKeyword: return at.name === 'deleted' ? { k: 'literal', value: true } : unknown(node);
    }
    if (ts.isLiteralTypeNode(node)) {
      if (ts.isStringLiteral(node.literal)) return { k: 'literal', value: node.literal.text };
      if (node.literal.kind === ts.SyntaxKind.TrueKeyword) return { k: 'literal', value: true };
      if (node.literal.kind === ts.SyntaxKind.FalseKeyword) return { k: 'literal', value: false };
    }
    if (ts.isArrayTypeNode(node)) return { k: 'array', of: readType(node.elementType, at) };
    if (ts.isTypeLiteralNode(node)) return readMembers(node, node.members, at);
    if (!ts.isTypeReferenceNode(node)) return unknown(node);

    const declaration = stripe.declarationOf(node);
    const name = node.typeName.getText();
    if (node.typeArguments) {
      if (!declaration && name === 'Array') return { k: 'array', of: readType(node.typeArguments[0], at) };
      if (declaration && name === 'ApiList') return { k: 'list', of: readType(node.typeArguments[0], at) };
      return unknown(node);
    }
    if (!declaration) return unknown(node);
    if (name === 'Decimal') return { k: 'decimal' };
    if (ts.isTypeAliasDeclaration(declaration)) return readType(declaration.type, at);
    if (!ts.isInterfaceDeclaration(declaration) || declaration.typeParameters) return unknown(node);
    const object = objectName(declaration);
    if (object !== null) return { k: 'object', of: [object] };
    if (at.inside.includes(declaration)) fail(`a shape that contains itself, of ${at.path}: ${place(declaration.name)}`);
    return readMembers(declaration, stripe.membersOf(declaration), { ...at, inside: [...at.inside, declaration] });
  };

  const readMembers = (node, members, at) => {
    if (members.some((m) => ts.isIndexSignatureDeclaration(m))) {
      if (members.length > 1) fail(`index signature beside other members, of ${at.path}: ${place(node)}`);
      return { k: 'map', of: readType(members[0].type, at) };
    }
    return { k: 'shape', fields: members.map((m) => readField(m, at)) };
  };

  const readField = (member, at) => {
    if (!ts.isPropertySignature(member) || !member.type) fail(`a member that is no property, of ${at.path}: ${place(member)}`);
    const name = ts.isStringLiteral(member.name) ? member.name.text : member.name.getText();
    const path = `${at.path}.${name}`;
    const doc = docOf(member);
    return { name, optional: Boolean(member.questionToken), type: readType(member.type, { ...at, path, name, doc }) };
  };

  return {
    /** Names of the API objects a type node stands for. */
    namesOf(node) {
      const type = readType(node, { path: place(node), name: '', doc: '', inside: [] });
      return type.k === 'object' && !type.nullable ? type.of : fail(`API objects were expected: ${place(node)}`);
    },
    /** The data of a thin event, which is a plain shape. */
    dataOf(type, node) {
      const data = readType(node, { path: type, name: '', doc: '', inside: [] });
      if (data.k !== 'shape' || data.nullable) fail(`plain data was expected: ${place(node)}`);
      return { name: type, isData: true, fields: data.fields };
    },
    /** Every object met so far and all that these refer to, by name. */
    closure() {
      while (waiting.length) {
        const name = waiting.pop();
        const declaration = declarations.get(name);
        const at = { path: name, name: '', doc: '', inside: [] };
        objects.set(name, { name, fields: stripe.membersOf(declaration).map((m) => readField(m, at)) });
      }
      return objects;
    },
  };
}
