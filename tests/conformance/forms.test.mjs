// The forms of Azure's answers, by the clients that know them: api-versions, paths, lists, operations, certificates.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { selfSigned } from './pki.mjs';
import { admin, arm, clientsOf, eventually, exchange, operatorCredential, up } from './stack.mjs';

const env = up({ rsaKeys: 'reuse' });
const credential = operatorCredential(env);
const clients = clientsOf(env, credential);
const gateways = clients.network.applicationGateways;
const group = env.GATEWAY_ID.split('/providers/')[0];
const subscription = group.split('/resourceGroups/')[0];
const poll = { updateIntervalInMs: 50 };

async function vaultAsk(method, where, body, version = '7.4') {
	const { token } = await credential.getToken('https://vault.azure.net/.default');
	const reply = await exchange(env, method, `${env.VAULT_URL}${where}?api-version=${version}`,
		{ headers: { Authorization: `Bearer ${token}` }, body: body && JSON.stringify(body) });

	return { ...reply, json: reply.body ? JSON.parse(reply.body) : undefined };
}

async function all(pages) {
	const found = [];

	for await (const item of pages) {
		found.push(item);
	}
	return found;
}

test('an api-version that does not exist is refused, one that does is taken', async () => {
	const rows = [
		['2024-99-99', 400], ['2030-01-01', 400], ['2021-08-02', 400], ['2024-05-01x', 400], ['7.4', 400],
		['2022-05-01', 200], ['2022-01-01', 200], ['2024-05-01', 200], ['2025-05-01', 200], ['2026-01-01', 200],
		['2018-12-01', 200],
	];

	for (const [version, status] of rows) {
		const reply = await arm(env, credential, 'GET', env.GATEWAY_ID, { version });

		assert.equal(reply.status, status, version);
		if (status === 400) {
			assert.equal(reply.json.error.code, 'NoRegisteredProviderFound');
			assert.match(reply.json.error.message, /supported api-versions are '2015-05-01-preview, .*, 2026-01-01'/);
		}
	}
	for (const [version, status] of [['7.99', 400], ['7.4x', 400], ['2025-99-99', 400], ['', 400], ['7.0', 200], ['7.5', 200],
		['7.6', 200], ['2025-07-01', 200], ['7.6-preview.2', 200]]) {
		assert.equal((await vaultAsk('GET', '/certificates', undefined, version)).status, status, `vault ${version}`);
	}
	assert.equal((await arm(env, credential, 'GET', '/subscriptions', { version: '2024-99-99' })).json.error.code,
		'InvalidApiVersionParameter');
	const imds = (version) => fetch(`${env.IMDS_ENDPOINT}/metadata/identity/oauth2/token?api-version=${version}`
		+ '&resource=https://vault.azure.net', { headers: { Metadata: 'true' } });
	assert.deepEqual([(await imds('2018-02-01')).status, (await imds('2018-99-99')).status], [200, 400]);
});

test('what is not there is refused by ARM, not by the network provider', async () => {
	const other = '99999999-2222-3333-4444-555555555555';
	const rows = [
		['no subscription', '/nothing', 404, 'MissingSubscription'],
		['the root', '/', 404, 'MissingSubscription'],
		['another subscription', `/subscriptions/${other}/resourceGroups/x`, 404, 'SubscriptionNotFound', '2022-12-01'],
		['another group', `${subscription}/resourceGroups/nobody`, 404, 'ResourceGroupNotFound', '2022-12-01'],
		['a gateway of another group', env.GATEWAY_ID.replace('/gatecert/', '/nobody/'), 404, 'ResourceGroupNotFound'],
		['another provider', `${group}/providers/Nobody.Nothing/things/x`, 404, 'InvalidResourceNamespace'],
		['another type', `${group}/providers/Microsoft.Network/things/x`, 404, 'InvalidResourceType'],
		['something below a gateway', `${env.GATEWAY_ID}/things`, 404, 'InvalidResourceType'],
		['another gateway', `${env.GATEWAY_ID}-other`, 404, 'ResourceNotFound'],
		['another address', `${group}/providers/Microsoft.Network/publicIPAddresses/x`, 404, 'ResourceNotFound'],
	];

	for (const [sentence, where, status, code, version = '2025-05-01'] of rows) {
		const reply = await arm(env, credential, 'GET', where, { version });

		assert.equal(reply.status, status, sentence);
		assert.equal(reply.json.error.code, code, sentence);
	}
	const without = await exchange(env, 'GET', `${env.ARM_ENDPOINT}${env.GATEWAY_ID}`,
		{ headers: { Authorization: `Bearer ${(await credential.getToken(`${env.ARM_ENDPOINT}/.default`)).token}` } });
	assert.equal(JSON.parse(without.body).error.code, 'MissingApiVersionParameter');
});

test('tenants, subscriptions, groups, addresses and identities are listed and read', async () => {
	const list = async (where, version) => (await arm(env, credential, 'GET', where, { version })).json.value;

	assert.deepEqual((await list('/tenants', '2022-12-01')).map((item) => item.tenantId), [env.TENANT_ID]);
	assert.deepEqual((await list('/subscriptions', '2019-11-01')).map((item) => item.id), [subscription]);
	assert.equal((await arm(env, credential, 'GET', subscription, { version: '2022-12-01' })).json.state, 'Enabled');
	assert.deepEqual((await list(`${subscription}/resourceGroups`, '2021-04-01')).map((item) => item.id), [group]);
	assert.equal((await arm(env, credential, 'GET', group, { version: '2021-04-01' })).json.properties.provisioningState,
		'Succeeded');
	assert.deepEqual((await all(gateways.listAll())).map((item) => item.name), [clients.gateway]);
	for (const pages of [clients.network.publicIPAddresses.listAll(), clients.network.publicIPAddresses.list(clients.group)]) {
		assert.deepEqual((await all(pages)).map((item) => item.ipAddress), [env.GATEWAY_IP]);
	}
	const gateway = await gateways.get(clients.group, clients.gateway);
	const [id, users] = Object.entries(gateway.identity.userAssignedIdentities)[0];
	const identity = (await arm(env, credential, 'GET', id, { version: '2023-01-31' })).json;
	assert.equal(identity.properties.clientId, users.clientId);
	assert.equal(identity.properties.principalId, users.principalId);
	assert.deepEqual((await list(`${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`, '2023-01-31'))
		.map((item) => item.id), [id]);
});

test('a gateway is stopped, started, and asked for the health of its backends', async () => {
	await gateways.beginStopAndWait(clients.group, clients.gateway, poll);
	assert.equal((await gateways.get(clients.group, clients.gateway)).operationalState, 'Stopped');
	await gateways.beginStartAndWait(clients.group, clients.gateway, poll);
	assert.equal((await gateways.get(clients.group, clients.gateway)).operationalState, 'Running');
	const health = await gateways.beginBackendHealthAndWait(clients.group, clients.gateway, poll);
	const pool = health.backendAddressPools.find((item) => item.backendAddressPool.id.endsWith('/appgw-backend'));
	assert.deepEqual(pool.backendHttpSettingsCollection[0].servers.map((item) => item.health), ['Healthy', 'Healthy']);
});

test('the family of the SKU is worked out, whatever was sent', async () => {
	const { json } = await arm(env, credential, 'GET', env.GATEWAY_ID);

	assert.equal(json.properties.sku.family, 'Generation_2');
	json.properties.sku.family = 'Generation_9';
	assert.equal((await arm(env, credential, 'PUT', env.GATEWAY_ID, { body: json })).status, 200);
	await eventually('the end of the update', async () => (await arm(env, credential, 'GET', env.GATEWAY_ID)).json.properties
		.provisioningState === 'Succeeded');
	assert.equal((await arm(env, credential, 'GET', env.GATEWAY_ID)).json.properties.sku.family, 'Generation_2');
});

test('a self-signed certificate is in progress first', async () => {
	const policy = { issuer: { name: 'Self' }, x509_props: { subject: 'CN=self.example.com' } };
	const begun = await vaultAsk('POST', '/certificates/self/create', { policy });

	assert.equal(begun.status, 202);
	assert.equal(begun.json.status, 'inProgress');
	const ended = await eventually('its end', async () => {
		const { json } = await vaultAsk('GET', '/certificates/self/pending');

		return json.status === 'completed' && json;
	});
	assert.ok(ended.target.endsWith('/certificates/self'));
	const poller = await clients.certificates.beginCreateCertificate('self-2', { issuerName: 'Self', subject: 'CN=s.example.com' },
		{ intervalInMs: 50 });
	assert.equal((await poller.pollUntilDone()).name, 'self-2');
});

test("a certificate's key and secret stand in the lists, managed", async () => {
	await clients.secrets.setSecret('plain', 'value');
	const keys = await all(clients.keys.listPropertiesOfKeys());
	const secrets = await all(clients.secrets.listPropertiesOfSecrets());

	assert.equal(keys.find((item) => item.name === 'self').managed, true);
	assert.equal(secrets.find((item) => item.name === 'self').certificateKeyId !== undefined || (await vaultAsk('GET', '/secrets'))
		.json.value.find((item) => item.id.endsWith('/self')).managed, true);
	assert.equal((await vaultAsk('GET', '/secrets')).json.value.find((item) => item.id.endsWith('/plain')).managed, undefined);
	assert.equal((await vaultAsk('GET', '/keys/self/versions')).json.value[0].managed, true);
});

test('PEM is imported as it is and in base64', async () => {
	const { key, cert } = selfSigned(['pem.example.com']);
	const policy = { secret_props: { contentType: 'application/x-pem-file' } };

	for (const [name, value] of [['pem-plain', key + cert], ['pem-base64', Buffer.from(key + cert).toString('base64')]]) {
		const reply = await vaultAsk('POST', `/certificates/${name}/import`, { value, policy });

		assert.equal(reply.status, 200, `${name}: ${reply.body}`);
		assert.equal(reply.json.policy.secret_props.contentType, 'application/x-pem-file', name);
	}
	const before = await admin(env, 'GET', '/state');
	assert.equal(before.never.last, '');
});
