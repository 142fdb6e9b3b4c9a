// The identity client against azuresim's authority and metadata endpoints, and the blob client with its tokens.
import assert from 'node:assert/strict';
import { createHash, createSign, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ClientAssertionCredential, ClientCertificateCredential, ClientSecretCredential, ManagedIdentityCredential,
	WorkloadIdentityCredential } from '@azure/identity';

import { admin, clientsOf, exchange, optionsOf, up } from './stack.mjs';

const env = up();
const options = optionsOf(env);

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const vaultScope = 'https://vault.azure.net/.default';

async function works(credential) {
	const { token, expiresOnTimestamp } = await credential.getToken(vaultScope);

	assert.ok(expiresOnTimestamp > Date.now() + 3000 * 1000);
	assert.deepEqual(await firstName(clientsOf(env, credential).certificates), undefined);
	return claimsOf(token);
}

async function firstName(certificates) {
	for await (const item of certificates.listPropertiesOfCertificates()) {
		return item.name;
	}
	return undefined;
}

test('a client secret, a certificate and a federated token each sign in', async () => {
	const rows = [
		['secret', new ClientSecretCredential(env.TENANT_ID, env.CLIENT_ID, env.CLIENT_SECRET, options)],
		['certificate', new ClientCertificateCredential(env.TENANT_ID, env.CLIENT_ID, env.CLIENT_CERTIFICATE_FILE, options)],
		['certificate with its chain', new ClientCertificateCredential(env.TENANT_ID, env.CLIENT_ID,
			env.CLIENT_CERTIFICATE_FILE, { ...options, sendCertificateChain: true })],
		['federated token', new WorkloadIdentityCredential({ tenantId: env.TENANT_ID, clientId: env.CLIENT_ID,
			tokenFilePath: env.FEDERATED_TOKEN_FILE, ...options })],
		['assertion', new ClientAssertionCredential(env.TENANT_ID, env.CLIENT_ID,
			async () => readFileSync(env.FEDERATED_TOKEN_FILE, 'utf8').trim(), options)],
	];

	for (const [sentence, credential] of rows) {
		const claims = await works(credential);

		assert.equal(claims.aud, 'https://vault.azure.net', sentence);
		assert.equal(claims.iss, `https://sts.windows.net/${env.TENANT_ID}/`, sentence);
		assert.equal(claims.appid, env.CLIENT_ID, sentence);
	}
});

test('who cannot prove it is refused in the documented shape', async () => {
	const rows = [
		['a wrong secret', new ClientSecretCredential(env.TENANT_ID, env.CLIENT_ID, 'wrong', options), vaultScope,
			'invalid_client', 7000215],
		['an unknown application', new ClientSecretCredential(env.TENANT_ID, '00000000-0000-0000-0000-000000000000',
			env.CLIENT_SECRET, options), vaultScope, 'unauthorized_client', 700016],
		['a strange assertion', new ClientAssertionCredential(env.TENANT_ID, env.CLIENT_ID, async () => 'a.b.c', options),
			vaultScope, 'invalid_client', 700027],
		['an unknown audience', new ClientSecretCredential(env.TENANT_ID, env.CLIENT_ID, env.CLIENT_SECRET, options),
			'https://nobody.example/.default', 'invalid_resource', 500011],
	];

	for (const [sentence, credential, scope, error, number] of rows) {
		await assert.rejects(credential.getToken(scope), (said) => {
			assert.match(said.message, new RegExp(`${error}: Error\\(s\\): ${number} .*AADSTS${number}: `), sentence);
			return true;
		});
	}
});

/** A client assertion that the registered certificate signs; `change` alters header and claims. */
function assertionOf(change = () => {}) {
	const pem = readFileSync(env.CLIENT_CERTIFICATE_FILE, 'utf8');
	const der = Buffer.from(pem.match(/-----BEGIN CERTIFICATE-----([^-]+)/)[1].replace(/\s/g, ''), 'base64');
	const digest = (kind, form) => createHash(kind).update(der).digest(form);
	const now = Math.floor(Date.now() / 1000);
	const header = { alg: 'RS256', typ: 'JWT', x5t: digest('sha1', 'base64url') };
	const claims = { aud: `${env.AUTHORITY_HOST}/${env.TENANT_ID}/oauth2/v2.0/token`, iss: env.CLIENT_ID, sub: env.CLIENT_ID,
		jti: randomUUID(), nbf: now, exp: now + 600 };

	change(header, claims, digest);
	const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
	return `${text}.${createSign('RSA-SHA256').update(text).sign(pem.slice(pem.indexOf('-----BEGIN PRIVATE'))).toString('base64url')}`;
}

test('an assertion names its certificate and this tenant, or it is refused', async () => {
	const rows = [
		['as it should be', () => {}, null],
		['x5t with padding and dates with a fraction, as MSAL for Python sends them', (header, claims, digest) => {
			header.x5t = digest('sha1', 'base64').replaceAll('+', '-').replaceAll('/', '_');
			Object.assign(claims, { iat: Date.now() / 1000, exp: Date.now() / 1000 + 600.25 });
		}, null],
		['by x5t#S256 alone', (header, claims, digest) => {
			delete header.x5t;
			header['x5t#S256'] = digest('sha256', 'base64url');
		}, null],
		["for the tenant's issuer", (header, claims) => {
			claims.aud = `${env.AUTHORITY_HOST}/${env.TENANT_ID}/v2.0`;
		}, null],
		['rubbish as x5t#S256', (header) => {
			header['x5t#S256'] = 'rubbish';
		}, 700027],
		['rubbish as x5t#S256 alone', (header) => {
			delete header.x5t;
			header['x5t#S256'] = 'rubbish';
		}, 700027],
		['rubbish as x5t', (header) => {
			header.x5t = 'rubbish';
		}, 700027],
		['neither thumbprint', (header) => {
			delete header.x5t;
		}, 700027],
		["another tenant's endpoint", (header, claims) => {
			claims.aud = claims.aud.replace(env.TENANT_ID, '00000000-0000-4000-8000-000000000000');
		}, 700023],
		['an authority that only begins so', (header, claims) => {
			claims.aud = `${env.AUTHORITY_HOST}.evil.example/${env.TENANT_ID}/oauth2/v2.0/token`;
		}, 700023],
		['the authority alone', (header, claims) => {
			claims.aud = env.AUTHORITY_HOST;
		}, 700023],
		['another issuer', (header, claims) => {
			claims.iss = 'nobody';
		}, 700021],
		['one that has ended', (header, claims) => {
			Object.assign(claims, { nbf: 1, exp: Date.now() / 1000 - 900 });
		}, 700024],
		['one that has not begun', (header, claims) => {
			claims.nbf += 900;
		}, 700024],
	];

	for (const [sentence, change, number] of rows) {
		const work = new ClientAssertionCredential(env.TENANT_ID, env.CLIENT_ID, async () => assertionOf(change), options)
			.getToken(vaultScope);

		if (number) {
			await assert.rejects(work, new RegExp(`AADSTS${number}: `), sentence);
		} else {
			assert.ok((await work).token, sentence);
		}
	}
});

test('an unknown tenant has neither configuration nor tokens', async () => {
	const reply = await exchange(env, 'GET', `${env.AUTHORITY_HOST}/nobody/v2.0/.well-known/openid-configuration`);

	assert.equal(reply.status, 400);
	assert.deepEqual(JSON.parse(reply.body).error_codes, [90002]);
});

test('the configuration names endpoints of this authority alone', async () => {
	const reply = await exchange(env, 'GET',
		`${env.AUTHORITY_HOST}/${env.TENANT_ID}/v2.0/.well-known/openid-configuration`);
	const found = JSON.parse(reply.body);

	for (const name of ['token_endpoint', 'authorization_endpoint', 'jwks_uri', 'issuer']) {
		assert.ok(found[name].startsWith(`${env.AUTHORITY_HOST}/`), name);
	}
	const keys = JSON.parse((await exchange(env, 'GET', found.jwks_uri)).body).keys;
	assert.equal(keys[0].kty, 'RSA');
});

/** Runs with other environment variables. */
async function within(variables, work) {
	const before = { ...process.env };

	Object.assign(process.env, variables);
	try {
		return await work();
	} finally {
		for (const name of Object.keys(variables)) {
			delete process.env[name];
		}
		Object.assign(process.env, before);
	}
}

test('a managed identity signs in at IMDS, and at App Service', async () => {
	await within({ AZURE_POD_IDENTITY_AUTHORITY_HOST: env.IMDS_ENDPOINT }, async () => {
		assert.equal((await works(new ManagedIdentityCredential({ ...options }))).aud, 'https://vault.azure.net');
		assert.equal((await works(new ManagedIdentityCredential({ clientId: env.CLIENT_ID, ...options }))).appid, env.CLIENT_ID);
	});
	const { identityHeader } = await admin(env, 'GET', '/state');
	await within({ IDENTITY_ENDPOINT: `${env.IMDS_ENDPOINT}/msi/token`, IDENTITY_HEADER: identityHeader }, async () => {
		assert.equal((await works(new ManagedIdentityCredential({ ...options }))).aud, 'https://vault.azure.net');
	});
});

test('IMDS refuses what it should and says numbers as strings', async () => {
	const path = '/metadata/identity/oauth2/token?api-version=2018-02-01';
	const rows = [
		['no Metadata header', `${path}&resource=https://vault.azure.net`, {}, 400, 'bad_request_102'],
		['an unknown resource', `${path}&resource=https://nobody.example`, { Metadata: 'true' }, 400, 'invalid_resource'],
		['another identity', `${path}&resource=https://vault.azure.net&client_id=nobody`, { Metadata: 'true' }, 400,
			'invalid_request'],
		['a wrong App Service header', '/msi/token?api-version=2019-08-01&resource=https://vault.azure.net',
			{ 'X-IDENTITY-HEADER': 'wrong' }, 401, 'unauthorized_client'],
	];

	for (const [sentence, where, headers, status, error] of rows) {
		const reply = await fetch(env.IMDS_ENDPOINT + where, { headers });

		assert.equal(reply.status, status, sentence);
		assert.equal((await reply.json()).error, error, sentence);
	}
	const good = await (await fetch(`${env.IMDS_ENDPOINT}${path}&resource=https://vault.azure.net`,
		{ headers: { Metadata: 'true' } })).json();
	assert.equal(typeof good.expires_on, 'string');
	assert.equal(typeof good.expires_in, 'string');
	assert.equal(good.refresh_token, '');
});

test('an Arc agent first answers with the path of a secret', async () => {
	const reply = await fetch(`${env.IMDS_ENDPOINT}/metadata/identity/oauth2/token?api-version=2020-06-01&resource=`
		+ 'https://vault.azure.net', { headers: { Metadata: 'true' } });

	assert.equal(reply.status, 401);
	assert.match(reply.headers.get('www-authenticate'), /^Basic realm=\/var\/opt\/azcmagent\/tokens\/[^/]+\.key$/);
});

test('the blob client writes, reads, leases and deletes in the container with these tokens', async () => {
	const { container } = clientsOf(env);
	const blob = container.getBlockBlobClient('.well-known/acme-challenge/abc');

	await blob.upload('abc.def', 7, { conditions: { ifNoneMatch: '*' } });
	await assert.rejects(blob.upload('x', 1, { conditions: { ifNoneMatch: '*' } }), { code: 'BlobAlreadyExists' });
	assert.equal((await blob.downloadToBuffer()).toString(), 'abc.def');
	const names = [];
	for await (const item of container.listBlobsFlat({ prefix: '.well-known/' })) {
		names.push(item.name);
	}
	assert.deepEqual(names, ['.well-known/acme-challenge/abc']);
	const anonymous = await exchange(env, 'GET', `${env.BLOB_CONTAINER_URL}/.well-known/acme-challenge/abc`);
	assert.equal(anonymous.body, 'abc.def');
	const lease = blob.getBlobLeaseClient();
	await lease.acquireLease(15);
	await assert.rejects(blob.delete(), { code: 'LeaseIdMissing' });
	await lease.releaseLease();
	await blob.delete();
	await assert.rejects(blob.delete(), { code: 'BlobNotFound' });
});

test('faults are met in order, counted, delayed, cut, garbled and removed', async () => {
	const where = `${env.IMDS_ENDPOINT}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net`;
	const ask = () => fetch(where, { headers: { Metadata: 'true', Connection: 'close' } });
	const set = (actions, more = {}) => admin(env, 'POST', '/faults', { path: '^/metadata/', ...more, do: actions });
	const clear = () => admin(env, 'DELETE', '/faults');

	await set({ status: 429, headers: { 'Retry-After': '7' }, body: { error: 'slow' } }, { after: 1, times: 2 });
	assert.deepEqual([(await ask()).status, (await ask()).status, (await ask()).status, (await ask()).status],
		[200, 429, 429, 200]);
	await clear();
	await set({ delayMs: 300 });
	const begun = Date.now();
	assert.equal((await ask()).status, 200);
	assert.ok(Date.now() - begun >= 290);
	await clear();
	for (const actions of [{ reset: 'before' }, { reset: 'after' }, { truncate: 10 }]) {
		await set(actions);
		await assert.rejects(async () => (await ask()).text(), JSON.stringify(actions));
		await clear();
	}
	await set({ garble: true });
	await assert.rejects(async () => (await ask()).json());
	await clear();
	await set({ oversize: 300000 });
	assert.equal((await (await ask()).text()).length, 300000);
	const { id } = await set({ status: 500 }, { times: -1 });
	await admin(env, 'DELETE', `/faults/${id}`);
	assert.equal((await ask()).status, 200);
	await assert.rejects(set({ stats: 1 }), /knows status/);
	await assert.rejects(admin(env, 'POST', '/settings', { gatewayUpdateSecond: 1 }), /no setting/);
	const seen = (await admin(env, 'GET', '/requests')).filter((item) => item.path.startsWith('/metadata'));
	assert.ok(seen.some((item) => item.status === 0) && seen.some((item) => item.status === 429));
	assert.ok(seen.every((item) => item.method === 'GET' && item.time > 1e9 && item.path.includes('?api-version')));
	await admin(env, 'DELETE', '/requests');
	assert.deepEqual(await admin(env, 'GET', '/requests'), []);
});
