// The network client against azuresim's ARM: reading, changing and refusing, and what nginx serves of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { certificatesOf, issue, pfxOf, selfSigned } from './pki.mjs';
import { admin, arm, clientsOf, eventually, operatorCredential, up, visit } from './stack.mjs';

const env = up({ rsaKeys: 'reuse' });
const credential = operatorCredential(env);
const clients = clientsOf(env, credential);
const poll = { updateIntervalInMs: 50 };
const get = () => clients.network.applicationGateways.get(clients.group, clients.gateway);
const put = (gateway) => clients.network.applicationGateways.beginCreateOrUpdateAndWait(clients.group, clients.gateway,
	gateway, poll);
const ref = (collection, name) => ({ id: `${env.GATEWAY_ID}/${collection}/${name}` });
const bare = (method, options) => arm(env, credential, method, env.GATEWAY_ID, options);

/** The listener, rule and certificate of one site, as the SDK's model and as JSON. */
function site(name, host, priority, certificate) {
	return {
		certificate: { name, ...certificate },
		listener: { name, frontendIPConfiguration: ref('frontendIPConfigurations', 'appgw-public-ip'),
			frontendPort: ref('frontendPorts', 'port-443'), protocol: 'Https', hostName: host,
			sslCertificate: ref('sslCertificates', name) },
		rule: { name, ruleType: 'Basic', priority, httpListener: ref('httpListeners', name),
			backendAddressPool: ref('backendAddressPools', 'appgw-backend'),
			backendHttpSettings: ref('backendHttpSettingsCollection', 'appgw-http-settings') },
	};
}

function add(gateway, { certificate, listener, rule }) {
	gateway.sslCertificates.push(certificate);
	gateway.httpListeners.push(listener);
	gateway.requestRoutingRules.push(rule);
	return gateway;
}

/** The same in the JSON of the wire. */
function addBare(document, { certificate, listener, rule }) {
	for (const [collection, child] of [['sslCertificates', certificate], ['httpListeners', listener],
		['requestRoutingRules', rule]]) {
		const { name, ...properties } = child;

		document.properties[collection].push({ name, properties });
	}
	return document;
}

async function vaultCertificate(name, host) {
	await clients.certificates.beginCreateCertificate(name, { issuerName: 'Unknown', subject: `CN=${host}`,
		subjectAlternativeNames: { dnsNames: [host] }, contentType: 'application/x-pkcs12' });
	const state = (await clients.certificates.getCertificateOperation(name)).getOperationState();

	return clients.certificates.mergeCertificate(name, issue(Buffer.from(state.certificateOperation.csr), [host]));
}

const versionless = (merged) => merged.secretId.replace(/\/[^/]+$/, '');

async function settled() {
	return eventually('a settled gateway', async () => {
		const { json } = await bare('GET');

		return json.properties.provisioningState === 'Updating' ? undefined : json;
	});
}

let original;
let originalText;

/** The gateway as it first was, and the settings. */
async function reset() {
	await admin(env, 'DELETE', '/faults');
	await admin(env, 'POST', '/settings', { gatewayUpdateSeconds: 0.2, secondPut: 'cancel', ifMatch: 'honour',
		vaultAccess: 'allow', gatewayVaultAccess: 'allow', vaultLook: 'secretId', gatewayState: 'Running', vaultPollSeconds: 0.2 });
	const now = await settled();

	original ??= now;
	originalText ??= (await bare('GET')).body;
	await bare('PUT', { body: originalText });
	await settled();
}

/** A test that begins with the gateway as it first was. */
function scenario(sentence, work) {
	test(sentence, async () => {
		await reset();
		await work();
	});
}

scenario('the client reads the gateway and its public address', async () => {
	const gateway = await get();

	assert.equal(gateway.sku.name, 'Standard_v2');
	assert.equal(gateway.operationalState, 'Running');
	assert.equal(gateway.provisioningState, 'Succeeded');
	assert.equal(gateway.identity.type, 'userAssigned');
	assert.ok(gateway.sslCertificates[0].publicCertData);
	const id = gateway.frontendIPConfigurations[0].publicIPAddress.id.split('/');
	const address = await clients.network.publicIPAddresses.get(id[4], id[8]);
	assert.equal(address.ipAddress, env.GATEWAY_IP);
	const listed = [];
	for await (const item of clients.network.applicationGateways.list(clients.group)) {
		listed.push(item.name);
	}
	assert.deepEqual(listed, [clients.gateway]);
});

scenario('a GET shows the one etag everywhere, read-only members and who refers to whom', async () => {
	const { json, headers } = await bare('GET');

	assert.match(headers.etag, /^W\/"[0-9a-f-]{36}"$/);
	assert.equal(json.etag, headers.etag);
	for (const [name, list] of Object.entries(json.properties)) {
		for (const child of Array.isArray(list) ? list : []) {
			assert.equal(child.etag, headers.etag, name);
			assert.equal(child.properties.provisioningState, 'Succeeded', name);
			assert.equal(child.type, `Microsoft.Network/applicationGateways/${name}`);
		}
	}
	const port = json.properties.frontendPorts.find((item) => item.name === 'port-443');
	assert.deepEqual(port.properties.httpListeners, [ref('httpListeners', 'foreign-https')]);
	const certificate = json.properties.sslCertificates[0].properties;
	assert.ok(certificate.publicCertData && !('data' in certificate) && !('password' in certificate));
});

scenario('a site is added, served by its name, renewed by polling, and removed', async () => {
	const merged = await vaultCertificate('life-example-com', 'life.example.com');
	const gateway = add(await get(), site('life', 'life.example.com', 100, { keyVaultSecretId: versionless(merged) }));
	const done = await put(gateway);

	assert.equal(done.provisioningState, 'Succeeded');
	const seen = await visit(env, 'life.example.com');
	assert.deepEqual(seen.leaf, Buffer.from(merged.cer));
	assert.equal(seen.body, 'hostname=life.example.com rule=life\n');
	const shown = done.sslCertificates.find((item) => item.name === 'life');
	assert.deepEqual(certificatesOf(shown.publicCertData)[0], Buffer.from(merged.cer));

	const renewed = await vaultCertificate('life-example-com', 'life.example.com');
	await eventually('the new leaf', async () => (await visit(env, 'life.example.com')).leaf.equals(Buffer.from(renewed.cer)));

	await put({ ...await get(), ...Object.fromEntries(['sslCertificates', 'httpListeners', 'requestRoutingRules']
		.map((name) => [name, done[name].filter((item) => item.name !== 'life')])) });
	assert.notDeepEqual((await visit(env, 'life.example.com')).leaf, Buffer.from(renewed.cer));
});

scenario('an update says Updating, gives a long monitor URL, and changes the etag twice', async () => {
	const before = await bare('GET');
	const begun = await bare('PUT', { body: before.json, headers: { 'If-Match': before.json.etag } });
	const monitor = begun.headers['azure-asyncoperation'];

	assert.equal(begun.status, 200);
	assert.equal(begun.json.properties.provisioningState, 'Updating');
	assert.equal(begun.json.properties.httpListeners[0].properties.provisioningState, 'Updating');
	assert.ok(monitor.length > 2500);
	const first = await arm(env, credential, 'GET', monitor);
	assert.deepEqual(first.json, { status: 'InProgress' });
	assert.equal(first.headers['retry-after'], undefined);
	assert.equal((await arm(env, credential, 'GET', `${monitor}x`)).status, 404);
	await eventually('success', async () => (await arm(env, credential, 'GET', monitor)).json.status === 'Succeeded');
	const after = await bare('GET');
	assert.equal(new Set([before.json.etag, begun.json.etag, after.json.etag]).size, 3);
	assert.deepEqual(after.json.properties.somethingNewIn2027, before.json.properties.somethingNewIn2027);
});

scenario('numbers and unknown members come back as they were written', async () => {
	const { body } = await bare('GET');

	for (const text of ['"ratio":1.50', '"big":1E+2', '"jitter":1.0', '"window":1e3', '"weights":[1.0,1e3,0.10]']) {
		assert.ok(body.includes(text), text);
	}
});

scenario('a stale etag is refused, or ignored when set so', async () => {
	const stale = (await bare('GET')).json;

	await clients.network.applicationGateways.updateTags(clients.group, clients.gateway, { tags: { touched: 'yes' } });
	const refused = await bare('PUT', { body: stale, headers: { 'If-Match': stale.etag } });
	assert.equal(refused.status, 412);
	assert.match(refused.json.error.message, /does not match/);
	await admin(env, 'POST', '/settings', { ifMatch: 'ignore' });
	assert.equal((await bare('PUT', { body: stale, headers: { 'If-Match': stale.etag } })).status, 200);
});

scenario('PATCH changes tags at once and nothing else', async () => {
	const tagged = await clients.network.applicationGateways.updateTags(clients.group, clients.gateway, { tags: { a: 'b' } });

	assert.deepEqual(tagged.tags, { a: 'b' });
	assert.equal(tagged.provisioningState, 'Succeeded');
	assert.equal((await bare('PATCH', { body: { properties: {} } })).status, 400);
});

scenario('a second update cancels the first', async () => {
	const document = (await bare('GET')).json;
	const first = await bare('PUT', { body: document });
	const second = await bare('PUT', { body: document });
	const ended = await arm(env, credential, 'GET', first.headers['azure-asyncoperation']);

	assert.equal(second.status, 200);
	assert.equal(ended.status, 200);
	assert.equal(ended.json.status, 'Canceled');
	assert.equal(ended.json.error.details[0].code, 'CanceledAndSupersededDueToAnotherOperation');
	await eventually('the second', async () =>
		(await arm(env, credential, 'GET', second.headers['azure-asyncoperation'])).json.status === 'Succeeded');
});

scenario('or the second is refused while the first runs', async () => {
	await admin(env, 'POST', '/settings', { secondPut: '429' });
	const document = (await bare('GET')).json;
	const first = await bare('PUT', { body: document });
	const second = await bare('PUT', { body: document });

	assert.equal(second.status, 429);
	assert.equal(second.json.error.code, 'RetryableErrorDueToAnotherOperation');
	assert.ok(Number(second.headers['retry-after']) >= 1);
	await eventually('the first', async () =>
		(await arm(env, credential, 'GET', first.headers['azure-asyncoperation'])).json.status === 'Succeeded');
});

scenario('an uploaded certificate stays when it comes back without its data', async () => {
	const pair = selfSigned(['uploaded.example.com']);
	const data = pfxOf(pair, 'hunter2').toString('base64');

	await put(add(await get(), site('uploaded', 'uploaded.example.com', 101, { data, password: 'hunter2' })));
	const leaf = Buffer.from(pair.cert.replace(/-----[^-]+-----|\s/g, ''), 'base64');
	assert.deepEqual((await visit(env, 'uploaded.example.com')).leaf, leaf);
	await put(await get());
	assert.deepEqual((await visit(env, 'uploaded.example.com')).leaf, leaf);
	await assert.rejects(put(add(await get(), site('nothing', 'nothing.example.com', 102, {}))),
		/Either Data or KeyVaultSecretId must be specified/);
	await assert.rejects(put(add(await get(), site('bad', 'bad.example.com', 102, { data, password: 'wrong' }))), /password/);
});

scenario('what the resource provider refuses at once', async () => {
	const merged = await vaultCertificate('rules-example-com', 'rules.example.com');
	const secret = versionless(merged);
	const good = () => site('rules', 'rules.example.com', 100, { keyVaultSecretId: secret });
	const rows = [
		['a listener of a certificate that is not there', 'InvalidResourceReference',
			(d) => { const s = good(); s.listener.sslCertificate = ref('sslCertificates', 'nobody'); addBare(d, s); }],
		['a rule of a pool that is not there', 'InvalidResourceReference',
			(d) => { const s = good(); s.rule.backendAddressPool = ref('backendAddressPools', 'nobody'); addBare(d, s); }],
		['a rule whose listener was removed', 'InvalidResourceReference',
			(d) => { d.properties.httpListeners = d.properties.httpListeners.filter((x) => x.name !== 'foreign-http'); }],
		['a reference into the wrong collection', 'InvalidResourceReference',
			(d) => { const s = good(); s.rule.httpListener = ref('frontendPorts', 'port-443'); addBare(d, s); }],
		['an echoed back-reference to what is gone', 'InvalidResourceReference',
			(d) => {
				d.properties.httpListeners = d.properties.httpListeners.filter((x) => x.name !== 'foreign-http');
				d.properties.requestRoutingRules = d.properties.requestRoutingRules.filter((x) => x.name !== 'foreign-http');
			}],
		['a rule without a priority', 'ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty',
			(d) => { const s = good(); delete s.rule.priority; addBare(d, s); }],
		['a priority that is taken', /Priority/, (d) => { const s = good(); s.rule.priority = 20000; addBare(d, s); }],
		['a priority over the highest', /Priority/, (d) => { const s = good(); s.rule.priority = 20001; addBare(d, s); }],
		['two listeners for one name', /HttpListenersUsingSame/,
			(d) => { const s = good(); s.listener.hostName = 'WWW.foreign.example'; addBare(d, s); }],
		['two children of one name', /Duplicate/,
			(d) => { const s = good(); addBare(d, s); d.properties.sslCertificates.push({ name: 'RULES', properties: {} }); }],
		['a listener that two rules use', /ReferencedByMultiple/,
			(d) => { const s = good(); addBare(d, s);
				d.properties.requestRoutingRules.push({ name: 'second', properties: { ...s.rule, name: undefined,
					priority: 7 } }); }],
		['a certificate instead of a secret', /SecretId/,
			(d) => { const s = good(); s.certificate.keyVaultSecretId = secret.replace('/secrets/', '/certificates/');
				addBare(d, s); }],
		['vault secrets without an identity', /Identity/, (d) => { addBare(d, good()); delete d.identity; }],
		['an identity that is nobody', 'LinkedAuthorizationFailed',
			(d) => { d.identity = { type: 'UserAssigned', userAssignedIdentities: { '/subscriptions/x/nobody': {} } }; }],
		['HTTPS without a certificate', /MustReferenceCert/,
			(d) => { const s = good(); delete s.listener.sslCertificate; addBare(d, s); }],
		['hostName and hostNames', /HostName/, (d) => { const s = good(); s.listener.hostNames = ['a.example']; addBare(d, s); }],
		['six host names', /HostNames/,
			(d) => { const s = good(); delete s.listener.hostName;
				s.listener.hostNames = ['a', 'b', 'c', 'd', 'e', 'f'].map((x) => `${x}.example.com`); addBare(d, s); }],
		['three wildcards', /HostName/, (d) => { const s = good(); s.listener.hostName = '*.*.*.example'; addBare(d, s); }],
		['a rule with a backend and a redirect', /RoutingRule/,
			(d) => { const s = good(); s.rule.redirectConfiguration = ref('redirectConfigurations', 'foreign-redirect');
				addBare(d, s); }],
		['a redirect to a listener of several names', /Redirect/,
			(d) => { d.properties.redirectConfigurations.push({ name: 'r', properties: { redirectType: 'Permanent',
				targetListener: ref('httpListeners', 'foreign-http') } }); }],
		['the path / in a path rule', 'ApplicationGatewayPathRulePathShouldHaveNonEmptyMatchValue',
			(d) => { d.properties.urlPathMaps[0].properties.pathRules[0].properties.paths = ['/']; }],
		['a star in the middle of a path', /Path/,
			(d) => { d.properties.urlPathMaps[0].properties.pathRules[0].properties.paths = ['/a/*/b']; }],
		['the same port twice', /Port/,
			(d) => { d.properties.frontendPorts.push({ name: 'again', properties: { port: 443 } }); }],
		['other zones', /Zone/, (d) => { d.zones = ['1']; }],
		['no location', /Location/, (d) => { delete d.location; }],
		['a name that is none', 'InvalidResourceName',
			(d) => { d.properties.probes.push({ name: '-x', properties: {} }); }],
		['101 certificates', /LimitExceeded/,
			(d) => { for (let i = 0; i < 101; i++) {
				d.properties.sslCertificates.push({ name: `c${i}`, properties: { keyVaultSecretId: secret } });
			} }],
		['101 active listeners', /ActiveListener/,
			(d) => { for (let i = 0; i < 101; i++) {
				const s = site(`s${i}`, `s${i}.example.com`, 100 + i, { keyVaultSecretId: secret });
				s.listener.sslCertificate = ref('sslCertificates', 'foreign-uploaded-cert');
				d.properties.httpListeners.push({ name: s.listener.name, properties: { ...s.listener, name: undefined } });
				d.properties.requestRoutingRules.push({ name: s.rule.name, properties: { ...s.rule, name: undefined } });
			} }],
	];

	const before = (await bare('GET')).json;
	for (const [sentence, code, change] of rows) {
		const document = structuredClone(before);

		change(document);
		const reply = await bare('PUT', { body: document });
		assert.ok(reply.status === 400 || reply.status === 403, `${sentence}: ${reply.status}`);
		if (code instanceof RegExp) {
			assert.match(reply.json.error.code, code, sentence);
		} else {
			assert.equal(reply.json.error.code, code, sentence);
		}
	}
	assert.equal((await bare('GET')).json.etag, before.etag, 'a refused PUT changes nothing');
});

scenario('a secret that cannot be read fails the operation, and what was served is served on', async () => {
	const gateway = add(await get(), site('unread', 'unread.example.com', 103,
		{ keyVaultSecretId: `${env.VAULT_URL}/secrets/unread-example-com` }));

	await assert.rejects(put(gateway), /KeyVault/);
	const { json } = await bare('GET');
	assert.equal(json.properties.provisioningState, 'Failed');
	assert.ok(json.properties.httpListeners.some((item) => item.name === 'unread'));
	assert.match((await visit(env, 'www.foreign.example')).body, /rule=foreign-https/);
	await bare('PUT', { body: originalText });
	assert.equal((await settled()).properties.provisioningState, 'Succeeded');
});

scenario('a listener whose secret became unreadable is disabled, and comes back', async () => {
	const merged = await vaultCertificate('disabled-example-com', 'disabled.example.com');

	await put(add(await get(), site('disabled', 'disabled.example.com', 104, { keyVaultSecretId: versionless(merged) })));
	await admin(env, 'POST', '/settings', { gatewayVaultAccess: 'forbid' });
	await eventually('the alert', async () => (await visit(env, 'disabled.example.com')).alert);
	assert.match((await visit(env, 'www.foreign.example')).body, /rule=foreign-https/);
	assert.equal((await settled()).properties.provisioningState, 'Succeeded');
	await admin(env, 'POST', '/settings', { gatewayVaultAccess: 'allow' });
	await eventually('the leaf', async () => (await visit(env, 'disabled.example.com')).leaf?.equals(Buffer.from(merged.cer)));
});

scenario('a listener whose certificate was deleted is disabled until it is recovered', async () => {
	const merged = await vaultCertificate('deleted-example-com', 'deleted.example.com');

	await put(add(await get(), site('deleted', 'deleted.example.com', 106, { keyVaultSecretId: versionless(merged) })));
	await (await clients.certificates.beginDeleteCertificate('deleted-example-com', { intervalInMs: 50 })).pollUntilDone();
	await eventually('the alert', async () => (await visit(env, 'deleted.example.com')).alert);
	const { dataPlane, never } = await admin(env, 'GET', '/state');
	assert.equal(dataPlane.certificates.find((item) => item.name === 'deleted').trouble, 'SecretDeletedFromKeyVault');
	assert.equal(never.last, '', 'what the operator does is no wrong of the daemon');
	await (await clients.certificates.beginRecoverDeletedCertificate('deleted-example-com', { intervalInMs: 50 })).pollUntilDone();
	await eventually('the leaf', async () => (await visit(env, 'deleted.example.com')).leaf?.equals(Buffer.from(merged.cer)));
});

scenario('a pinned version stays, an unchanged PUT fetches nothing, a changed id does', async () => {
	await admin(env, 'POST', '/settings', { vaultPollSeconds: 1000 });
	const first = await vaultCertificate('pinned-example-com', 'pinned.example.com');
	const leafOf = async () => (await visit(env, 'pinned.example.com')).leaf;

	await put(add(await get(), site('pinned', 'pinned.example.com', 105, { keyVaultSecretId: versionless(first) })));
	const second = await vaultCertificate('pinned-example-com', 'pinned.example.com');
	await put(await get());
	assert.deepEqual(await leafOf(), Buffer.from(first.cer));
	const change = async (id) => {
		const gateway = await get();

		gateway.sslCertificates.find((item) => item.name === 'pinned').keyVaultSecretId = id;
		await put(gateway);
	};
	await change(second.secretId);
	assert.deepEqual(await leafOf(), Buffer.from(second.cer));
	await change(`${versionless(second)}/`);
	await vaultCertificate('pinned-example-com', 'pinned.example.com');
	assert.deepEqual(await leafOf(), Buffer.from(second.cer));
});

scenario('an older api-version hides newer members, and a PUT with it loses them', async () => {
	const settingsOf = (json) => json.properties.backendHttpSettingsCollection
		.find((item) => item.name === 'foreign-settings').properties;
	const newer = (await bare('GET')).json;
	const older = (await bare('GET', { version: '2024-05-01' })).json;

	assert.equal(settingsOf(newer).validateSNI, true);
	assert.equal(settingsOf(older).validateSNI, undefined);
	await bare('PUT', { body: older, version: '2024-05-01' });
	assert.equal(settingsOf(await settled()).validateSNI, undefined);
	assert.equal((await bare('GET', { version: '2030-01-01' })).json.error.code, 'NoRegisteredProviderFound');
});

scenario('the challenge path leads to the blob container, everything else to the application', async () => {
	const http = `http://${env.GATEWAY_IP}:${env.GATEWAY_HTTP_PORT}`;
	const ask = async (host, where) => {
		const { request } = await import('node:http');

		return new Promise((resolve, reject) => {
			request(http + where, { headers: { Host: host } }, (reply) => {
				let text = '';

				reply.on('data', (part) => {
					text += part;
				});
				reply.on('end', () => resolve({ status: reply.statusCode, text, location: reply.headers.location }));
			}).on('error', reject).end();
		});
	};
	const blob = clients.container.getBlockBlobClient('.well-known/acme-challenge/token-1_x');

	await blob.upload('token-1_x.thumbprint', 20, { blobHTTPHeaders: { blobContentType: 'text/plain' } });
	assert.deepEqual(await ask('new.example.com', '/.well-known/acme-challenge/token-1_x'),
		{ status: 200, text: 'token-1_x.thumbprint', location: undefined });
	assert.equal((await ask('new.example.com', '/.WELL-KNOWN/acme-challenge/token-1_x?a=b')).status, 200);
	assert.equal((await ask('new.example.com', '/.well-known/acme-challenge/none')).status, 404);
	assert.match((await ask('new.example.com', '/')).text, /^hostname=new\.example\.com rule=http-80$/m);
	assert.deepEqual(await ask('foreign.example', '/a?b=c'),
		{ status: 301, text: (await ask('foreign.example', '/a?b=c')).text, location: 'https://www.foreign.example/a?b=c' });
	await blob.delete();
	assert.equal((await ask('new.example.com', '/.well-known/acme-challenge/token-1_x')).status, 404);
});

scenario('an unknown name gets an alert, or the basic listener where there is one', async () => {
	assert.ok((await visit(env, 'unknown.example.com')).alert);
	const merged = await vaultCertificate('basic-example-com', 'basic.example.com');
	const basic = site('basic', undefined, 107, { keyVaultSecretId: versionless(merged) });

	await put(add(await get(), basic));
	const unknown = await visit(env, 'unknown.example.com');
	assert.deepEqual(unknown.leaf, Buffer.from(merged.cer));
	assert.match(unknown.body, /rule=basic/);
	assert.match((await visit(env, 'www.foreign.example')).body, /rule=foreign-https/);
});

scenario('whether any change makes it look at the vault is a setting', async () => {
	const first = await vaultCertificate('looked-example-com', 'looked.example.com');
	const leafOf = async () => (await visit(env, 'looked.example.com')).leaf;
	const tag = (value) => clients.network.applicationGateways.updateTags(clients.group, clients.gateway, { tags: { value } });

	await admin(env, 'POST', '/settings', { vaultPollSeconds: 1000 });
	await put(add(await get(), site('looked', 'looked.example.com', 108, { keyVaultSecretId: versionless(first) })));
	const second = await vaultCertificate('looked-example-com', 'looked.example.com');
	await tag('a');
	assert.deepEqual(await leafOf(), Buffer.from(first.cer));
	await admin(env, 'POST', '/settings', { vaultLook: 'change' });
	await tag('a');
	await bare('PUT', { body: (await bare('GET')).body });
	await settled();
	assert.deepEqual(await leafOf(), Buffer.from(first.cer), 'what changes nothing never does');
	await tag('b');
	await eventually('the second', async () => (await leafOf()).equals(Buffer.from(second.cer)));
	const third = await vaultCertificate('looked-example-com', 'looked.example.com');
	await put({ ...await get(), tags: { value: 'c' } });
	assert.deepEqual(await leafOf(), Buffer.from(third.cer));
});

scenario('a hundred listeners are served', async () => {
	const merged = await vaultCertificate('many-example-com', 'many.example.com');
	const document = (await bare('GET')).json;

	for (let i = 0; i < 97; i++) {
		addBare(document, site(`many-${i}`, `many-${i}.example.com`, 200 + i, { keyVaultSecretId: versionless(merged) }));
	}
	assert.equal((await bare('PUT', { body: document })).status, 200);
	assert.equal((await settled()).properties.provisioningState, 'Succeeded');
	for (const i of [0, 50, 96]) {
		assert.equal((await visit(env, `many-${i}.example.com`)).body, `hostname=many-${i}.example.com rule=many-${i}\n`);
	}
});

scenario('a stopped, missing or failed gateway is what it says', async () => {
	await admin(env, 'POST', '/settings', { gatewayState: 'Missing' });
	assert.equal((await bare('GET')).json.error.code, 'ResourceNotFound');
	await admin(env, 'POST', '/settings', { gatewayState: 'Stopped' });
	assert.equal((await get()).operationalState, 'Stopped');
	await admin(env, 'POST', '/settings', { gatewayState: 'Failed' });
	assert.equal((await get()).provisioningState, 'Failed');
	await put(await get());
	assert.equal((await get()).provisioningState, 'Succeeded');
});

scenario('a body that is no JSON is refused', async () => {
	const document = (await bare('GET')).json;

	assert.equal((await bare('PUT', { body: document, headers: { 'Content-Type': 'text/plain' } })).status, 415);
	assert.equal((await bare('PUT', { body: '{"properties":' })).json.error.code, 'InvalidRequestContent');
});

scenario('without a good token ARM says 401 and where to get one', async () => {
	const wrong = { getToken: () => credential.getToken('https://vault.azure.net/.default') };
	const reply = await arm(env, wrong, 'GET', env.GATEWAY_ID);

	assert.equal(reply.status, 401);
	assert.match(reply.headers['www-authenticate'], /^Bearer authorization_uri="https:/);
});

scenario('the digest of the seed proves that nothing foreign was changed by all this', async () => {
	const digest = (json) => createHash('sha256').update(JSON.stringify(json, (name, value) =>
		(['etag', 'provisioningState', 'publicCertData'].includes(name) ? undefined : value))).digest('hex');

	assert.equal(digest((await bare('GET')).json), digest(original));
});
