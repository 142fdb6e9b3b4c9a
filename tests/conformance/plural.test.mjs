// Several gateways, vaults, containers, CAs, subscriptions and identities in one stack, each with Azure's own clients.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'node:test';

import { ClientSecretCredential } from '@azure/identity';
import { NetworkManagementClient } from '@azure/arm-network';
import { CertificateClient } from '@azure/keyvault-certificates';

import { admin, clientsOf, eventually, exchange, operatorCredential, optionsOf, up, visit } from './stack.mjs';

const env = up({ rsaKeys: 'reuse', gateways: 3, vaults: 2, containers: 2, subscriptions: 2, identities: 2 }, ['--cas', '2']);
const credential = operatorCredential(env);
const options = optionsOf(env);
const vaults = [undefined, new CertificateClient(env.VAULT_URL, credential, options),
	new CertificateClient(env.VAULT_URL_2, credential, options)];
const idOf = (number) => (number === 1 ? env.GATEWAY_ID : env[`GATEWAY_ID_${number}`]);

/** The client of the gateway's subscription, its group and name. */
function gatewayOf(number) {
	const parts = idOf(number).split('/');
	const client = new NetworkManagementClient(credential, parts[2], { ...options, endpoint: env.ARM_ENDPOINT });

	return { client: client.applicationGateways, addresses: client.publicIPAddresses, group: parts[4], name: parts[8] };
}

const get = ({ client, group, name }) => client.get(group, name);

test('the gateways take turns with the subscriptions, and each has its own public address', async () => {
	assert.notEqual(idOf(1).split('/')[2], idOf(2).split('/')[2]);
	assert.equal(idOf(1).split('/')[2], idOf(3).split('/')[2]);
	for (const [number, ip] of [[1, '127.0.0.1'], [2, '127.0.0.2'], [3, '127.0.0.3']]) {
		const one = gatewayOf(number);
		const id = (await get(one)).frontendIPConfigurations[0].publicIPAddress.id.split('/');

		assert.equal((await one.addresses.get(id[4], id[8])).ipAddress, ip);
	}
	const names = [];
	for await (const item of gatewayOf(1).client.listAll()) {
		names.push(item.name);
	}
	assert.deepEqual(names, ['gateway', 'gateway-3']);
});

test('a gateway serves a certificate of any vault, and the others nothing of it', async () => {
	const poller = await vaults[2].beginCreateCertificate('shop', { issuerName: 'Self', subject: 'CN=shop.example.com',
		subjectAlternativeNames: { dnsNames: ['shop.example.com'] } }, { intervalInMs: 50 });
	const made = await poller.pollUntilDone();

	await assert.rejects(vaults[1].getCertificate('shop'), { statusCode: 404 });
	const one = gatewayOf(2);
	const gateway = await get(one);
	const ref = (collection, name) => ({ id: `${idOf(2)}/${collection}/${name}` });
	gateway.sslCertificates.push({ name: 'shop', keyVaultSecretId: `${env.VAULT_URL_2}/secrets/shop` });
	gateway.httpListeners.push({ name: 'shop', frontendIPConfiguration: ref('frontendIPConfigurations', 'appgw-public-ip'),
		frontendPort: ref('frontendPorts', 'port-443'), protocol: 'Https', hostName: 'shop.example.com',
		sslCertificate: ref('sslCertificates', 'shop') });
	gateway.requestRoutingRules.push({ name: 'shop', ruleType: 'Basic', priority: 100, httpListener: ref('httpListeners', 'shop'),
		backendAddressPool: ref('backendAddressPools', 'appgw-backend'),
		backendHttpSettings: ref('backendHttpSettingsCollection', 'appgw-http-settings') });
	await one.client.beginCreateOrUpdateAndWait(one.group, one.name, gateway, { updateIntervalInMs: 50 });
	assert.deepEqual((await visit(env, 'shop.example.com', '/', env.GATEWAY_IP_2)).leaf, Buffer.from(made.cer));
	assert.notDeepEqual((await visit(env, 'shop.example.com', '/', env.GATEWAY_IP_3)).leaf, Buffer.from(made.cer));
	assert.equal((await get(gatewayOf(3))).sslCertificates.length, 1);
});

test('the challenge of a gateway comes from its own container', async () => {
	const { container } = clientsOf({ ...env, BLOB_CONTAINER_URL: env.BLOB_CONTAINER_URL_2 }, credential);
	const ask = (host) => new Promise((resolve, reject) => {
		request({ host, port: env.GATEWAY_HTTP_PORT_2, path: '/.well-known/acme-challenge/token' }, (reply) => {
			reply.resume().on('end', () => resolve(reply.statusCode));
		}).on('error', reject).end();
	});

	await container.getBlockBlobClient('.well-known/acme-challenge/token').upload('token.thumbprint', 16);
	assert.deepEqual([await ask(env.GATEWAY_IP), await ask(env.GATEWAY_IP_2), await ask(env.GATEWAY_IP_3)], [404, 200, 200]);
});

test('each CA has a directory and roots of its own', async () => {
	assert.notEqual(env.ACME_DIRECTORY, env.ACME_DIRECTORY_2);
	for (const url of [env.ACME_DIRECTORY, env.ACME_DIRECTORY_2]) {
		const found = JSON.parse((await exchange(env, 'GET', url)).body);

		assert.equal(new URL(found.newOrder).origin, new URL(url).origin);
	}
	assert.notEqual(readFileSync(env.ACME_ROOTS, 'utf8'), readFileSync(env.ACME_ROOTS_2, 'utf8'));
});

test('each identity signs in with its own secret, and the log tells them and the owners apart', async () => {
	const second = new ClientSecretCredential(env.TENANT_ID, env.CLIENT_ID_2, env.CLIENT_SECRET_2, options);

	await assert.rejects(new ClientSecretCredential(env.TENANT_ID, env.CLIENT_ID_2, env.CLIENT_SECRET, options)
		.getToken('https://vault.azure.net/.default'), /AADSTS7000215/);
	await admin(env, 'DELETE', '/requests');
	const client = new CertificateClient(env.VAULT_URL_2, second, options);
	assert.equal((await client.getCertificate('shop')).name, 'shop');
	const seen = await admin(env, 'GET', '/requests');
	assert.ok(seen.some((item) => item.owner === 'vault-2' && item.identity === 'daemon-2' && item.status === 200));
	assert.ok(seen.every((item) => item.owner !== 'vault'));
});

test('a fault and a state are of their owner', async () => {
	await admin(env, 'POST', '/faults', { owner: 'vault-2', times: -1, do: { status: 400, body: { error: { code: 'Mine' } } } });
	await assert.rejects(vaults[2].getCertificate('shop'), /Mine/);
	await assert.rejects(vaults[1].getCertificate('shop'), { statusCode: 404 });
	await admin(env, 'DELETE', '/faults');
	await admin(env, 'POST', '/settings?owner=gateway-3', { gatewayState: 'Stopped' });
	assert.equal((await get(gatewayOf(3))).operationalState, 'Stopped');
	assert.equal((await get(gatewayOf(1))).operationalState, 'Running');
	const state = await admin(env, 'GET', '/state?owner=gateway-2');
	assert.equal(state.gateways[0].name, 'gateway-2');
	assert.deepEqual(Object.keys(state.owners), ['gateway', 'gateway-2', 'gateway-3', 'vault', 'vault-2', 'container',
		'container-2']);
	await assert.rejects(admin(env, 'GET', '/state?owner=gateway-4'), /404/);
	await eventually('no operation', async () => (await admin(env, 'GET', '/state')).operations.length === 0);
});
