// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// check.js SNAPSHOT EXPECTED: that a parser of V8's format finds what make-snapshot did.
'use strict';
const assert = require('assert');
const fs = require('fs');
const { parseSnapshotFromFile } = require('v8-heapsnapshot');

async function main(path, expected) {
  const snapshot = await parseSnapshotFromFile(path);
  const objects = snapshot.nodes.filter((node) => node.type !== 'synthetic');
  const named = (name) => snapshot.nodes.filter((node) => node.name === name);
  const edgesFrom = (nodes) => nodes.reduce((sum, node) => sum + node.out_edges.length, 0);

  assert.strictEqual(named('p"a\nir\ufffd\u00e9').length, expected.pairs);
  assert.strictEqual(named('externref').length, expected.externrefs);
  assert.strictEqual(objects.length, expected.pairs + expected.arrays + expected.externrefs);
  assert.strictEqual(objects.reduce((sum, node) => sum + node.self_size, 0), expected.bytes);
  assert.strictEqual(edgesFrom(objects), expected.references);

  const [group] = named('(owned roots)');
  assert.strictEqual(group.out_edges.length, expected.roots);
  assert.ok(group.out_edges.every((edge) => edge.to.type !== 'synthetic'));
  const [roots] = named('(GC roots)');
  assert.ok(roots.out_edges.some((edge) => edge.to === group));

  for (const pair of named('p"a\nir\ufffd\u00e9')) {
    for (const edge of pair.out_edges) {
      // The second field has no name, so it is an element.
      assert.ok(edge.type === 'property' ? edge.name === 'first' : edge.name === 1, edge.name);
      assert.ok(objects.includes(edge.to) || edge.to.type !== 'synthetic');
    }
  }
  assert.strictEqual(new Set(snapshot.nodes.map((node) => node.id)).size, snapshot.nodes.length);
}

const [path, expected] = process.argv.slice(2);
main(path, JSON.parse(fs.readFileSync(expected, 'utf8'))).catch((error) => {
  console.error(error);
  process.exit(1);
});
