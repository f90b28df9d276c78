// Opens the type declarations of the npm package `stripe` and looks things up in
// them: what a name refers to, which members an interface has. Anything that it
// does not understand ends the run with the file, the place and the text.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export class Failure extends Error {}

export function fail(sentence) {
  throw new Failure(sentence);
}

export function openStripe(folder) {
  const esm = path.join(folder, 'esm');
  const program = ts.createProgram([path.join(esm, 'resources.d.ts')], {
    noLib: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
  const checker = program.getTypeChecker();

  const sourceFile = (name) =>
    program.getSourceFile(path.join(esm, name)) ?? fail(`npm stripe has no file esm/${name}`);

  /** "file:line, text" of a node, for the error sentences. */
  const place = (node) => {
    const file = node.getSourceFile();
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const text = node.getText().replace(/\s+/g, ' ').slice(0, 200);
    return `esm/${path.relative(esm, file.fileName)}:${line}: ${text}`;
  };

  /** The declarations a type reference leads to; empty for a global such as Array. */
  const declarationsOf = (nameNode) => {
    let symbol = checker.getSymbolAtLocation(nameNode);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    return (symbol?.declarations ?? []).filter(
      (d) => ts.isInterfaceDeclaration(d) || ts.isTypeAliasDeclaration(d) || ts.isClassDeclaration(d),
    );
  };

  /** The one declaration a type reference leads to, or null for a global name. */
  const declarationOf = (reference) => {
    const name = ts.isTypeReferenceNode(reference) ? reference.typeName : reference.expression;
    const found = declarationsOf(name);
    if (found.length > 1) fail(`more than one declaration is called so: ${place(reference)}`);
    return found[0] ?? null;
  };

  /** Own and inherited members of an interface, nearest declaration first. */
  const membersOf = (declaration) => {
    const members = [...declaration.members];
    for (const clause of declaration.heritageClauses ?? []) {
      for (const base of clause.types) {
        if (base.typeArguments) fail(`base type with type arguments: ${place(base)}`);
        const baseDeclaration = declarationOf(base);
        if (!baseDeclaration || !ts.isInterfaceDeclaration(baseDeclaration)) {
          fail(`base type that is no interface: ${place(base)}`);
        }
        for (const inherited of membersOf(baseDeclaration)) {
          const name = inherited.name?.getText();
          if (!members.some((own) => own.name?.getText() === name)) members.push(inherited);
        }
      }
    }
    return members;
  };

  const member = (declaration, name) =>
    membersOf(declaration).find((m) => m.name?.getText() === name) ?? null;

  const ownMember = (declaration, name) =>
    declaration.members.find((m) => m.name?.getText() === name) ?? null;

  const docOf = (node) =>
    ts.getJSDocCommentsAndTags(node).map((d) => d.getText()).join(' ').replace(/\s+/g, ' ');

  /** The doc comments of all exported interfaces of snapshot events and objects, and of their members. */
  const allDocs = () => {
    const docs = [];
    const inV2 = (name) => name.startsWith(path.join('resources', 'V2'));
    for (const file of program.getSourceFiles()) {
      const name = path.relative(esm, file.fileName);
      if (name.startsWith('..') || inV2(name)) continue;
      for (const declaration of file.statements.filter(ts.isInterfaceDeclaration)) {
        const where = `esm/${name}#${declaration.name.text}`;
        docs.push({ place: where, doc: docOf(declaration) });
        for (const own of declaration.members) docs.push({ place: `${where}.${own.name?.getText()}`, doc: docOf(own) });
      }
    }
    return docs;
  };

  /** The statement `type|interface NAME` at the top level of a file. */
  const topLevel = (file, name) =>
    file.statements.find(
      (s) => (ts.isInterfaceDeclaration(s) || ts.isTypeAliasDeclaration(s)) && s.name.text === name,
    ) ?? fail(`${path.basename(file.fileName)} has no type ${name}`);

  /** String literals of a union type, in source order. */
  const literalsOf = (typeNode) =>
    (ts.isUnionTypeNode(typeNode) ? typeNode.types : [typeNode]).map((t) =>
      ts.isLiteralTypeNode(t) && ts.isStringLiteral(t.literal)
        ? t.literal.text
        : fail(`a string literal was expected: ${place(t)}`),
    );

  return {
    ts,
    version: JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).version,
    apiVersion: readFileSync(path.join(esm, 'apiVersion.js'), 'utf8').match(/ApiVersion = '([^']+)'/)?.[1]
      ?? fail('npm stripe names no API version'),
    sourceFile, place, declarationOf, membersOf, member, ownMember, docOf, allDocs, topLevel, literalsOf,
  };
}
