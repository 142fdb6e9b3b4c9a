// manifests/openapi.yaml by a validator of OpenAPI, and the JSON Schemas by the one that editors use.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Validator } from '@seriousme/openapi-schema-validator';
import addFormats from 'ajv-formats';
import Ajv from 'ajv/dist/2020.js';
import { parse, parseAllDocuments } from 'yaml';

const manifests = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../manifests');
const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

const read = (...names) => readFileSync(path.join(manifests, ...names), 'utf8');
const description = () => parse(read('openapi.yaml'), { merge: true });

/** Strict: a keyword that is misspelt or cannot apply is an error. */
function compiler() {
	const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });

	addFormats(ajv);
	ajv.addVocabulary(['example']);
	return ajv;
}

/** Every schema of the description with its place, those inside others left to them. */
function* schemas(node, place = '') {
	for (const [name, value] of Object.entries(node ?? {})) {
		if (name === 'schema' || /^\/components\/schemas$/.test(place)) {
			yield [`${place}/${name}`, value, node];
		} else if (value && typeof value === 'object') {
			yield* schemas(value, `${place}/${name}`);
		}
	}
}

test('openapi.yaml is OpenAPI 3.1', async () => {
	const validator = new Validator();
	const result = await validator.validate(description());

	assert.deepEqual(result.errors ?? [], []);
	assert.equal(result.valid, true);
	assert.equal(validator.version, '3.1');
});

// [what is wrong, how it comes to be]
const faults = [
	['no info', (one) => delete one.info],
	['no version of the API', (one) => delete one.info.version],
	['a response without description', (one) => delete one.components.responses.Purged.description],
	['a parameter of nowhere', (one) => { one.components.parameters.id.in = 'body'; }],
	['a parameter of a path that may be absent', (one) => { one.components.parameters.id.required = false; }],
	['an unknown member of an operation', (one) => { one.paths['/healthz'].get.response = {}; }],
	['a reference to nothing', (one) => {
		one.paths['/healthz'].get.responses[404] = { $ref: '#/components/responses/Nothing' };
	}],
	['a status that is none', (one) => { one.paths['/healthz'].get.responses.fine = { description: 'Fine.' }; }],
	['a security scheme of no kind', (one) => { one.components.securitySchemes.key.type = 'secret'; }],
];

for (const [sentence, spoil] of faults) {
	test(`the validator finds ${sentence}`, async () => {
		const one = structuredClone(description());

		spoil(one);
		assert.equal((await new Validator().validate(one)).valid, false);
	});
}

test('every operation has a name of its own, a tag that there is, and the parameters of its path', () => {
	const document = description();
	const tags = document.tags.map((tag) => tag.name);
	const names = [];

	for (const [template, item] of Object.entries(document.paths)) {
		for (const method of METHODS.filter((one) => item[one])) {
			const operation = item[method];
			const given = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
				.map((one) => (one.$ref ? document.components.parameters[one.$ref.split('/').pop()] : one))
				.filter((one) => one.in === 'path').map((one) => one.name).sort();

			names.push(operation.operationId);
			assert.ok(operation.summary, `${method} ${template}`);
			assert.ok(operation.tags.every((tag) => tags.includes(tag)), `${method} ${template}`);
			assert.deepEqual(given, [...template.matchAll(/\{(\w+)\}/g)].map((one) => one[1]).sort());
		}
	}
	assert.ok(names.length > 15);
	assert.equal(new Set(names).size, names.length);
});

test('every schema of openapi.yaml is JSON Schema, and its examples are right', () => {
	const document = description();
	const ajv = compiler();
	let count = 0;
	let shown = 0;

	const rooted = (schema) => JSON.parse(JSON.stringify(schema)
		.replaceAll('"#/components/schemas/', '"gatecert:openapi#/$defs/'));

	ajv.addSchema({ $id: 'gatecert:openapi', $defs: rooted(document.components.schemas) });
	for (const [place, schema, beside] of schemas(document)) {
		const validate = ajv.compile(rooted(schema));
		const examples = [schema.example, beside.schema === schema ? beside.example : undefined];

		for (const example of examples.filter((one) => one !== undefined)) {
			assert.ok(validate(example), `${place}: ${ajv.errorsText(validate.errors)}`);
			shown += 1;
		}
		count += 1;
	}
	assert.ok(count > 40 && shown >= 2, `${count} schemas, ${shown} examples`);
});

for (const kind of ['spec', 'config']) {
	test(`the schema of a ${kind} file is strict JSON Schema`, () => {
		const schema = JSON.parse(read('schema', `${kind}.schema.json`));

		assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
		assert.equal(typeof compiler().compile(schema), 'function');
	});
}

for (const name of readdirSync(path.join(manifests, 'examples'))) {
	test(`the example ${name} passes as it does in an editor`, () => {
		const validate = compiler().compile(JSON.parse(read('schema', 'spec.schema.json')));
		const documents = parseAllDocuments(read('examples', name));

		assert.ok(documents.length > 0);
		for (const document of documents) {
			assert.ok(validate(document.toJS()), JSON.stringify(validate.errors));
		}
	});
}

test('the installed configuration passes as it does in an editor, once its keys are there', () => {
	const validate = compiler().compile(JSON.parse(read('schema', 'config.schema.json')));
	const filled = parse(read('gatecert.yaml').replaceAll(/^#([A-Za-z_]+: )/gm, '$1'));

	assert.ok(validate(filled), JSON.stringify(validate.errors));
	assert.ok(!validate({ ...filled, Workers: 'eight' }));
	assert.ok(!validate({ ...filled, Wokers: 8 }));
});
