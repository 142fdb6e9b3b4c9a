// Who may do what, as Azure's own clients meet it: the daemon's identity has the roles of manifests/azure and no others.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { issue } from './pki.mjs';
import { admin, arm, clientsOf, daemonCredential, eventually, operatorCredential, up, visit } from './stack.mjs';

const env = up({ rsaKeys: 'reuse', vaultPollSeconds: 0.2 });
const daemon = daemonCredential(env);
const mine = clientsOf(env, daemon);
const operator = clientsOf(env, operatorCredential(env));
const host = 'shop.example.com';
const policy = { issuerName: 'Unknown', subject: `CN=${host}`, subjectAlternativeNames: { dnsNames: [host] } };
const VAULT = 'Microsoft.KeyVault/vaults';
const NETWORK = 'Microsoft.Network/applicationGateways';

const neverEvents = async () => (await admin(env, 'GET', '/state')).never;
const change = (effect, action, more = {}) => admin(env, 'POST', '/rights', { effect, action, ...more });
const gatewayOf = (clients) => clients.network.applicationGateways;

async function merged(clients, name) {
	await clients.certificates.beginCreateCertificate(name, policy);
	const csr = Buffer.from((await clients.certificates.getCertificateOperation(name)).getOperationState()
		.certificateOperation.csr);

	return clients.certificates.mergeCertificate(name, issue(csr, [host]));
}

test('the roles of manifests/azure are all that the daemon needs for a life cycle', async () => {
	const made = await merged(mine, 'shop');

	assert.equal((await mine.certificates.getCertificate('shop')).name, 'shop');
	await mine.certificates.updateCertificateProperties('shop', made.properties.version, { tags: { Hostname: host } });
	await mine.certificates.beginCreateCertificate('second', policy);
	await mine.certificates.deleteCertificateOperation('second');
	const key = await mine.keys.createKey('gatecert-acme-account', 'EC', { curve: 'P-256' });
	await mine.crypto(key.id).sign('ES256', Buffer.alloc(32));
	await mine.keys.createRsaKey('gatecert-seal', { keyOps: ['wrapKey', 'unwrapKey'] });
	const gateway = await gatewayOf(mine).get(mine.group, mine.gateway);
	// Not with the client: it loses what it does not know, and writes 1.0 as 1.
	const { json, body } = await arm(env, daemon, 'GET', env.GATEWAY_ID);
	const begun = await arm(env, daemon, 'PUT', env.GATEWAY_ID, { body, headers: { 'If-Match': json.etag } });
	assert.equal(begun.status, 200);
	await eventually('the end of the update', async () => (await arm(env, daemon, 'GET',
		begun.headers['azure-asyncoperation'])).json.status === 'Succeeded');
	const id = gateway.frontendIPConfigurations[0].publicIPAddress.id.split('/');
	await mine.network.publicIPAddresses.get(id[4], id[8]);
	assert.deepEqual(Object.values(await neverEvents()).filter(Boolean), []);
});

test('what is beyond them is refused as Azure does, and counted', async () => {
	const rows = [
		['a secret is read', () => mine.secrets.getSecret('shop'), 'secretsRead', /secrets\/getSecret\/action/],
		['a secret is written', () => mine.secrets.setSecret('x', 'y'), null, /secrets\/setSecret\/action/],
		['a certificate is deleted', () => mine.certificates.beginDeleteCertificate('shop'), 'deletions', /certificates\/delete/],
		['a deleted one is purged', () => mine.certificates.purgeDeletedCertificate('shop'), 'purges',
			/certificates\/purge\/action/],
		["a certificate's key signs", () => mine.crypto(`${env.VAULT_URL}/keys/shop`).sign('RS256', Buffer.alloc(32)), null,
			/keys\/(read|sign\/action)/],
		['the account key is deleted', () => mine.keys.beginDeleteKey('gatecert-acme-account'), 'deletions', /keys\/delete/],
	];

	for (const [sentence, act, counter, action] of rows) {
		const before = await neverEvents();

		await assert.rejects(act(), (error) => {
			assert.equal(error.statusCode, 403, sentence);
			assert.match(error.message, action, sentence);
			return true;
		});
		const after = await neverEvents();
		assert.ok(after.beyondRights > before.beyondRights, sentence);
		if (counter) {
			assert.equal(after[counter], before[counter] + 1, sentence);
		}
	}
});

test('ARM refuses them too', async () => {
	await assert.rejects(gatewayOf(mine).beginDeleteAndWait(mine.group, mine.gateway), { code: 'AuthorizationFailed' });
	await assert.rejects(gatewayOf(mine).beginStopAndWait(mine.group, mine.gateway), { code: 'AuthorizationFailed' });
	await assert.rejects(gatewayOf(mine).get(mine.group, 'another'), { code: 'AuthorizationFailed' });
	await assert.rejects(async () => {
		for await (const item of gatewayOf(mine).list(mine.group)) {
			assert.fail(item.name);
		}
	}, { code: 'AuthorizationFailed' });
});

test('the operator may do everything, and nothing of it is counted', async () => {
	const before = await neverEvents();

	assert.ok((await operator.secrets.getSecret('shop')).value);
	await (await operator.certificates.beginDeleteCertificate('shop', { intervalInMs: 50 })).pollUntilDone();
	await operator.certificates.purgeDeletedCertificate('shop');
	assert.deepEqual(await neverEvents(), before);
});

test('a right is taken and given while it runs', async () => {
	const before = await neverEvents();

	await change('take', `${VAULT}/certificates/create/action`, { scope: 'vault', identity: 'daemon' });
	await assert.rejects(mine.certificates.beginCreateCertificate('later', policy), { statusCode: 403 });
	await change('take', `${NETWORK}/write`);
	await assert.rejects(gatewayOf(mine).updateTags(mine.group, mine.gateway, { tags: {} }), { code: 'AuthorizationFailed' });
	assert.deepEqual(await neverEvents(), before, 'what was taken is not counted');
	await change('give', `${VAULT}/secrets/*`);
	await operator.secrets.setSecret('given', 'value');
	assert.equal((await mine.secrets.getSecret('given')).value, 'value');
	assert.equal((await neverEvents()).secretsRead, before.secretsRead + 1, 'what was given beyond the manifests is');
	await admin(env, 'DELETE', '/rights');
	await mine.certificates.beginCreateCertificate('later', policy);
	await mine.certificates.deleteCertificateOperation('later');
});

test('an update needs a right on all that its body names', async () => {
	const rows = ['Microsoft.Network/virtualNetworks/subnets/join/action', 'Microsoft.Network/publicIPAddresses/join/action',
		'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'];
	const { json } = await arm(env, daemon, 'GET', env.GATEWAY_ID);

	for (const action of rows) {
		await change('take', action);
		const reply = await arm(env, daemon, 'PUT', env.GATEWAY_ID, { body: json, headers: { 'If-Match': '*' } });
		assert.equal(reply.status, 403, action);
		assert.equal(reply.json.error.code, 'LinkedAuthorizationFailed', action);
		assert.ok(reply.json.error.message.includes(action), action);
		await admin(env, 'DELETE', '/rights');
	}
});

test("the gateway's identity can lose its access to the vault, and the listener goes and comes back", async () => {
	const made = await merged(operator, 'served');
	const gateway = await gatewayOf(operator).get(operator.group, operator.gateway);
	const ref = (collection, name) => ({ id: `${env.GATEWAY_ID}/${collection}/${name}` });

	gateway.sslCertificates.push({ name: 'served', keyVaultSecretId: `${env.VAULT_URL}/secrets/served` });
	gateway.httpListeners.push({ name: 'served', frontendIPConfiguration: ref('frontendIPConfigurations', 'appgw-public-ip'),
		frontendPort: ref('frontendPorts', 'port-443'), protocol: 'Https', hostName: host,
		sslCertificate: ref('sslCertificates', 'served') });
	gateway.requestRoutingRules.push({ name: 'served', ruleType: 'Basic', priority: 100,
		httpListener: ref('httpListeners', 'served'), backendAddressPool: ref('backendAddressPools', 'appgw-backend'),
		backendHttpSettings: ref('backendHttpSettingsCollection', 'appgw-http-settings') });
	await gatewayOf(operator).beginCreateOrUpdateAndWait(operator.group, operator.gateway, gateway, { updateIntervalInMs: 50 });
	const before = await neverEvents();
	await change('take', `${VAULT}/secrets/getSecret/action`, { identity: 'gateway' });
	await eventually('the alert', async () => (await visit(env, host)).alert, 30);
	const { dataPlane } = await admin(env, 'GET', '/state');
	assert.equal(dataPlane.certificates.find((item) => item.name === 'served').trouble,
		'UserAssignedIdentityDoesNotHaveGetPermissionOnKeyVault');
	await admin(env, 'DELETE', '/rights');
	await eventually('the leaf', async () => (await visit(env, host)).leaf?.equals(Buffer.from(made.cer)), 30);
	assert.deepEqual(await neverEvents(), before);
});

test('Microsoft.Authorization/permissions says at each scope what the caller may do there', async () => {
	const manifests = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../manifests/azure');
	const role = JSON.parse(readFileSync(path.join(manifests, 'role-gateway.json'), 'utf8'));
	const ask = (credential) => arm(env, credential, 'GET', `${env.GATEWAY_ID}/providers/Microsoft.Authorization/permissions`,
		{ version: '2022-04-01' });

	assert.deepEqual((await ask(daemon)).json.value, [{ actions: role.Actions, notActions: [], dataActions: [],
		notDataActions: [] }]);
	assert.deepEqual((await ask(operatorCredential(env))).json.value[0].actions, ['*']);
	await change('take', `${NETWORK}/write`);
	assert.ok(!(await ask(daemon)).json.value[0].actions.includes(`${NETWORK}/write`));
	await admin(env, 'DELETE', '/rights');
	assert.equal(readdirSync(manifests).filter((name) => name.startsWith('role-')).length, 5);
});
