// Key Vault's own clients against azuresim: the life of a certificate, of keys and of secrets.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';

import { inspectCsr, issue, pfxOf, selfSigned } from './pki.mjs';
import { admin, clientsOf, eventually, exchange, operatorCredential, up } from './stack.mjs';

const env = up();
const { certificates: vault, keys, secrets, crypto } = clientsOf(env);

const policyOf = (host, extra = {}) => ({
	issuerName: 'Unknown', subject: `CN=${host}`, subjectAlternativeNames: { dnsNames: [host] }, keyType: 'RSA', keySize: 2048,
	exportable: true, reuseKey: false, contentType: 'application/x-pkcs12', ...extra,
});

async function operation(name) {
	return (await vault.getCertificateOperation(name)).getOperationState().certificateOperation;
}

async function create(name, host, extra = {}) {
	await vault.beginCreateCertificate(name, policyOf(host, extra), { tags: { Hostname: host } });
	return Buffer.from((await operation(name)).csr);
}

async function issued(name, host, extra = {}) {
	return vault.mergeCertificate(name, issue(await create(name, host, extra), [host]), { tags: { Hostname: host } });
}

async function refusal(promise) {
	try {
		await promise;
	} catch (error) {
		return { status: error.statusCode, code: error.details?.error?.code ?? error.code,
			inner: error.details?.error?.innerError?.code, message: error.message };
	}
	throw new Error('was not refused');
}

async function tokenOfVault() {
	return (await operatorCredential(env).getToken('https://vault.azure.net/.default')).token;
}

async function all(pages) {
	const found = [];

	for await (const item of pages) {
		found.push(item);
	}
	return found;
}

test('a certificate is created, is pending, is merged and is read back', async () => {
	const csr = await create('shop-example-com', 'shop.example.com');
	const pending = await operation('shop-example-com');
	const text = inspectCsr(csr);

	assert.equal(pending.status, 'inProgress');
	assert.equal(pending.issuerName, 'Unknown');
	assert.match(text, /DNS:shop\.example\.com/);
	assert.match(text, /Public-Key: \(2048 bit\)/);
	const before = await vault.getCertificate('shop-example-com');
	assert.equal(before.cer, undefined);
	assert.equal(before.secretId, undefined);
	assert.equal(before.properties.enabled, false);

	const chain = issue(csr, ['shop.example.com']);
	const merged = await vault.mergeCertificate('shop-example-com', chain, { tags: { Hostname: 'shop.example.com' } });
	const read = await vault.getCertificate('shop-example-com');

	assert.equal(merged.properties.enabled, true);
	assert.match(merged.secretId, /\/secrets\/shop-example-com\/[0-9a-f]{32}$/);
	assert.deepEqual(Buffer.from(read.cer), chain[0]);
	assert.deepEqual(Buffer.from(read.properties.x509Thumbprint), createHash('sha1').update(chain[0]).digest());
	assert.equal(read.properties.version, merged.properties.version);
	assert.deepEqual(read.properties.tags, { Hostname: 'shop.example.com' });
	assert.equal(read.policy.issuerName, 'Unknown');
	assert.equal((await operation('shop-example-com')).status, 'completed');
});

test('an elliptic-curve certificate goes the same way', async () => {
	const merged = await issued('ec-example-com', 'ec.example.com', { keyType: 'EC', keySize: undefined,
		keyCurveName: 'P-256', keyUsage: ['digitalSignature'] });

	assert.equal(merged.policy.keyType, 'EC');
	assert.equal(merged.policy.keyCurveName, 'P-256');
});

test('the leaf is found wherever it stands in the chain', async () => {
	const csr = await create('order-example-com', 'order.example.com');
	const chain = issue(csr, ['order.example.com']);
	const merged = await vault.mergeCertificate('order-example-com', [chain[1], chain[0]]);

	assert.deepEqual(Buffer.from(merged.cer), chain[0]);
});

test('a certificate for another key is refused at merge, and the operation stays', async () => {
	const other = issue(await create('mismatch-a', 'a.example.com'), ['a.example.com']);

	await create('mismatch-b', 'b.example.com');
	const said = await refusal(vault.mergeCertificate('mismatch-b', other));
	assert.equal(said.status, 400);
	assert.equal(said.code, 'BadParameter');
	assert.match(said.message, /does not match/);
	assert.equal((await operation('mismatch-b')).status, 'inProgress');
});

test('a second create while one is pending is a conflict', async () => {
	await create('twice', 'twice.example.com');
	const said = await refusal(vault.beginCreateCertificate('twice', policyOf('twice.example.com')));
	assert.equal(said.status, 409);
	assert.match(said.message, /inProgress/);
	const imported = await refusal(vault.importCertificate('twice', pfxOf(selfSigned(['twice.example.com']))));
	assert.equal(imported.status, 409);
});

test('a pending operation can be cancelled, deleted, and begun anew', async () => {
	await create('again', 'again.example.com');
	const poller = await vault.getCertificateOperation('again');
	await poller.cancelOperation();
	assert.equal((await operation('again')).status, 'canceled');
	await vault.deleteCertificateOperation('again');
	const said = await refusal(vault.getCertificateOperation('again'));
	assert.equal(said.status, 404);
	assert.equal(said.code, 'PendingCertificateNotFound');
	await issued('again', 'again.example.com');
});

test('a new version leaves the old one serving until it is merged', async () => {
	const first = await issued('renewed', 'renewed.example.com');
	const csr = await create('renewed', 'renewed.example.com');

	assert.equal((await vault.getCertificate('renewed')).properties.version, first.properties.version);
	const second = await vault.mergeCertificate('renewed', issue(csr, ['renewed.example.com']));
	assert.notEqual(second.properties.version, first.properties.version);
	assert.equal((await vault.getCertificate('renewed')).properties.version, second.properties.version);
	const old = await vault.getCertificateVersion('renewed', first.properties.version);
	assert.deepEqual(old.cer, first.cer);
	assert.equal((await all(vault.listPropertiesOfCertificateVersions('renewed'))).length, 2);
});

test('a policy is needed once, and reuse_key keeps the key', async () => {
	const base = `${env.VAULT_URL}/certificates/nopolicy/create?api-version=7.4`;
	const token = await tokenOfVault();
	const reply = await exchange(env, 'POST', base, { headers: { Authorization: `Bearer ${token}`,
		'Content-Type': 'application/json' }, body: '{}' });

	assert.equal(reply.status, 400);
	const first = inspectCsr(await create('keeper', 'keeper.example.com', { reuseKey: true }));
	await vault.mergeCertificate('keeper', issue(Buffer.from((await operation('keeper')).csr), ['keeper.example.com']));
	const second = inspectCsr(await create('keeper', 'keeper.example.com', { reuseKey: true }));
	const modulus = (text) => text.match(/Modulus:\s+([0-9a-f:\s]+)Exponent/)[1].replace(/\s/g, '');
	assert.equal(modulus(first), modulus(second));
});

test('import takes PKCS#12 and PEM, and refuses what does not fit', async () => {
	const pair = selfSigned(['imported.example.com']);
	const pfx = await vault.importCertificate('imported', pfxOf(pair, 'hunter2'), { password: 'hunter2',
		policy: policyOf('imported.example.com') });
	const pem = await vault.importCertificate('imported', Buffer.from(pair.key + pair.cert), {
		policy: policyOf('imported.example.com', { contentType: 'application/x-pem-file' }) });
	const rows = [
		['a wrong password', pfxOf(pair, 'hunter2'), { password: 'wrong' }],
		['PEM that is said to be PKCS#12', Buffer.from(pair.key + pair.cert), {}],
		['a key of another certificate',
			Buffer.from(selfSigned(['imported.example.com']).key + pair.cert),
			{ policy: policyOf('imported.example.com', { contentType: 'application/x-pem-file' }) }],
		['a curve that no vault knows', pfxOf(selfSigned(['imported.example.com'], { type: 'brainpoolP256r1' })), {}],
		['a PKCS#1 key', Buffer.from(pair.key.replaceAll('PRIVATE', 'RSA PRIVATE') + pair.cert),
			{ policy: policyOf('imported.example.com', { contentType: 'application/x-pem-file' }) }],
	];

	assert.deepEqual(Buffer.from(pfx.cer), Buffer.from(pem.cer));
	assert.notEqual(pfx.properties.version, pem.properties.version);
	for (const [sentence, content, options] of rows) {
		const said = await refusal(vault.importCertificate('imported', content, options));

		assert.equal(said.status, 400, sentence);
		assert.equal(said.code, 'BadParameter', sentence);
	}
});

test('lists come in pages, and pending ones only when asked for', async () => {
	await admin(env, 'POST', '/settings', { vaultListPage: 2 });
	await create('only-pending', 'only-pending.example.com');
	const plain = (await all(vault.listPropertiesOfCertificates())).map((item) => item.name);
	const withPending = (await all(vault.listPropertiesOfCertificates({ includePending: true }))).map((item) => item.name);
	await admin(env, 'POST', '/settings', { vaultListPage: 25 });

	assert.ok(plain.length > 4);
	assert.ok(!plain.includes('only-pending'));
	assert.ok(withPending.includes('only-pending'));
	assert.equal(new Set(withPending).size, withPending.length);
	const seen = (await admin(env, 'GET', '/requests')).filter((item) => item.path.includes('skiptoken'));
	assert.ok(seen.length >= 2);
});

test('tags and enabled are changed on one version, and tags are replaced whole', async () => {
	const merged = await issued('tagged', 'tagged.example.com');
	await vault.updateCertificateProperties('tagged', merged.properties.version, { tags: { other: '1' }, enabled: false });
	const read = await vault.getCertificate('tagged');

	assert.deepEqual(read.properties.tags, { other: '1' });
	assert.equal(read.properties.enabled, false);
	const policy = await vault.getCertificatePolicy('tagged');
	assert.equal(policy.subject, 'CN=tagged.example.com');
});

test('a deleted certificate keeps its name until it is recovered or purged', async () => {
	await admin(env, 'POST', '/settings', { vaultDeleteSeconds: 2 });
	await issued('gone', 'gone.example.com');
	const poller = await vault.beginDeleteCertificate('gone', { intervalInMs: 100 });
	const early = await refusal(vault.beginCreateCertificate('gone', policyOf('gone.example.com')));
	const deleted = await poller.pollUntilDone();

	assert.equal(early.inner, 'ObjectIsBeingDeleted');
	assert.match(deleted.recoveryId, /deletedcertificates\/gone$/);
	assert.ok(deleted.scheduledPurgeDate > new Date());
	assert.equal((await refusal(vault.getCertificate('gone'))).code, 'CertificateNotFound');
	for (const attempt of [() => vault.beginCreateCertificate('gone', policyOf('gone.example.com')),
		() => vault.importCertificate('gone', pfxOf(selfSigned(['gone.example.com'])))]) {
		const said = await refusal(attempt());

		assert.equal(said.status, 409);
		assert.equal(said.code, 'Conflict');
		assert.equal(said.inner, 'ObjectIsDeletedButRecoverable');
	}
	assert.ok((await all(vault.listDeletedCertificates())).some((item) => item.name === 'gone'));
	const recovery = await vault.beginRecoverDeletedCertificate('gone', { intervalInMs: 100 });
	assert.equal((await recovery.pollUntilDone()).name, 'gone');

	await (await vault.beginDeleteCertificate('gone', { intervalInMs: 100 })).pollUntilDone();
	await vault.purgeDeletedCertificate('gone');
	await admin(env, 'POST', '/settings', { vaultDeleteSeconds: 0 });
	await issued('gone', 'gone.example.com');
});

test('purge protection forbids to purge', async () => {
	await issued('kept', 'kept.example.com');
	await admin(env, 'POST', '/settings', { vaultPurge: 'protect' });
	await (await vault.beginDeleteCertificate('kept', { intervalInMs: 50 })).pollUntilDone();
	const said = await refusal(vault.purgeDeletedCertificate('kept'));
	await admin(env, 'POST', '/settings', { vaultPurge: 'allow' });
	assert.equal(said.status, 403);
});

test('a name belongs to one kind of object', async () => {
	await secrets.setSecret('taken', 'value');
	const said = await refusal(vault.beginCreateCertificate('taken', policyOf('taken.example.com')));
	assert.equal(said.status, 409);
	await issued('mine', 'mine.example.com');
	assert.equal((await refusal(secrets.setSecret('mine', 'value'))).status, 409);
	assert.equal((await refusal(keys.createEcKey('mine'))).status, 409);
});

test("a certificate's key and secret stand beside it", async () => {
	const merged = await issued('faces', 'faces.example.com');
	const key = await keys.getKey('faces');
	const secret = await secrets.getSecret('faces');

	assert.equal(key.properties.managed, true);
	assert.equal(key.properties.version, merged.properties.version);
	assert.equal(secret.properties.contentType, 'application/x-pkcs12');
	assert.ok(Buffer.from(secret.value, 'base64').length > 1000);
	await issued('sealed', 'sealed.example.com', { exportable: false });
	assert.equal((await refusal(secrets.getSecret('sealed'))).status, 404);
});

test('an EC key signs digests as JWA says, and has versions', async () => {
	const first = await keys.createEcKey('account', { curve: 'P-256', keyOps: ['sign', 'verify'], tags: { a: 'b' } });
	const second = await keys.createEcKey('account', { curve: 'P-256', keyOps: ['sign', 'verify'] });
	const digest = createHash('sha256').update('the data').digest();
	const signed = await crypto(first.id).sign('ES256', digest);
	const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256',
		x: Buffer.from(first.key.x).toString('base64url'), y: Buffer.from(first.key.y).toString('base64url') } });

	assert.equal(signed.result.length, 64);
	assert.ok(verify('sha256', Buffer.from('the data'), { key: publicKey, dsaEncoding: 'ieee-p1363' },
		Buffer.from(signed.result)));
	assert.notEqual(first.properties.version, second.properties.version);
	assert.equal((await keys.getKey('account')).properties.version, second.properties.version);
	assert.equal((await all(keys.listPropertiesOfKeyVersions('account'))).length, 2);
	const said = await refusal(crypto(first.id).sign('ES384', createHash('sha384').update('x').digest()));
	assert.equal(said.status, 400);
});

test('an RSA key wraps and unwraps, under the one padding', async () => {
	const key = await keys.createRsaKey('seal', { keySize: 2048, keyOps: ['wrapKey', 'unwrapKey'] });
	const secret = Buffer.from('0123456789abcdef0123456789abcdef');
	const wrapped = await crypto(key.id).wrapKey('RSA-OAEP-256', secret);
	const unwrapped = await crypto(key.id).unwrapKey('RSA-OAEP-256', wrapped.result);

	assert.deepEqual(Buffer.from(unwrapped.result), secret);
	assert.equal((await refusal(crypto(key.id).unwrapKey('RSA-OAEP', wrapped.result))).status, 400);
});

test('a deleted key is recovered', async () => {
	await keys.createEcKey('lost');
	await (await keys.beginDeleteKey('lost', { intervalInMs: 50 })).pollUntilDone();
	assert.equal((await refusal(keys.getKey('lost'))).code, 'KeyNotFound');
	assert.equal((await refusal(keys.createEcKey('lost'))).inner, 'ObjectIsDeletedButRecoverable');
	await (await keys.beginRecoverDeletedKey('lost', { intervalInMs: 50 })).pollUntilDone();
	assert.equal((await keys.getKey('lost')).name, 'lost');
});

test('secrets are set, listed, updated and deleted', async () => {
	await secrets.setSecret('plain', 'one', { contentType: 'text/plain' });
	const second = await secrets.setSecret('plain', 'two');

	assert.equal((await secrets.getSecret('plain')).value, 'two');
	await secrets.updateSecretProperties('plain', second.properties.version, { enabled: false });
	assert.equal((await refusal(secrets.getSecret('plain'))).status, 403);
	assert.ok((await all(secrets.listPropertiesOfSecrets())).some((item) => item.name === 'plain'));
	await (await secrets.beginDeleteSecret('plain', { intervalInMs: 50 })).pollUntilDone();
	await secrets.purgeDeletedSecret('plain');
	assert.equal((await refusal(secrets.getSecret('plain'))).code, 'SecretNotFound');
});

test('too many key creations are throttled without saying for how long', async () => {
	await admin(env, 'POST', '/settings', { keyCreateLimit: 1 });
	const said = await refusal(eventually('a throttle', async () => {
		await keys.createEcKey('throttled');
	}));
	await admin(env, 'POST', '/settings', { keyCreateLimit: 0 });

	assert.equal(said.status, 429);
	assert.equal(said.code, 'Throttled');
});

test('a forbidden vault says which kind of forbidden', async () => {
	await admin(env, 'POST', '/settings', { vaultAccess: 'forbid' });
	const said = await refusal(vault.getCertificate('shop-example-com'));
	await admin(env, 'POST', '/settings', { vaultAccess: 'allow' });

	assert.equal(said.status, 403);
	assert.equal(said.inner, 'ForbiddenByRbac');
});

test('bad names, missing versions and unknown objects are refused in the documented shapes', async () => {
	const token = await tokenOfVault();
	const rows = [
		['an invalid name', 'GET', '/certificates/no_underscores?api-version=7.4', 400, 'BadParameter'],
		['no api-version', 'GET', '/certificates/shop-example-com', 400, 'BadParameter'],
		['an unknown certificate', 'GET', '/certificates/nobody?api-version=7.4', 404, 'CertificateNotFound'],
		['an unknown key', 'GET', '/keys/nobody?api-version=7.4', 404, 'KeyNotFound'],
		['nothing pending', 'GET', '/certificates/nobody/pending?api-version=7.4', 404, 'PendingCertificateNotFound'],
		['another issuer', 'POST', '/certificates/x/create?api-version=7.4', 400, 'BadParameter',
			{ policy: { issuer: { name: 'DigiCert' }, x509_props: { subject: 'CN=x' } } }],
		['a subject over 64 characters', 'POST', '/certificates/x/create?api-version=7.4', 400, 'BadParameter',
			{ policy: { issuer: { name: 'Unknown' }, x509_props: { subject: `CN=${'x'.repeat(65)}` } } }],
		['an operation that the key is not for', 'POST', '/keys/wrapper/sign?api-version=7.4', 403, 'Forbidden',
			{ alg: 'RS256', value: Buffer.alloc(32).toString('base64url') }],
		['neither subject nor names', 'POST', '/certificates/x/create?api-version=7.4', 400, 'BadParameter',
			{ policy: { issuer: { name: 'Unknown' } } }],
	];

	await keys.createRsaKey('wrapper', { keyOps: ['wrapKey', 'unwrapKey'] });
	for (const [sentence, method, where, status, code, body] of rows) {
		const reply = await exchange(env, method, env.VAULT_URL + where, { headers: { Authorization: `Bearer ${token}` },
			body: body && JSON.stringify(body) });

		assert.equal(reply.status, status, sentence);
		assert.equal(JSON.parse(reply.body).error.code, code, sentence);
	}
});

test('no token, one for another audience and an expired one get the challenge', async () => {
	const wrong = (await operatorCredential(env).getToken(`${env.ARM_ENDPOINT}/.default`)).token;
	const rows = [['no token', undefined], ['for ARM', `Bearer ${wrong}`], ['garbage', 'Bearer a.b.c']];

	for (const [sentence, header] of rows) {
		const reply = await exchange(env, 'GET', `${env.VAULT_URL}/certificates?api-version=7.4`,
			{ headers: header ? { Authorization: header } : {} });

		assert.equal(reply.status, 401, sentence);
		assert.match(reply.headers['www-authenticate'],
			/^Bearer authorization="https:\/\/[^"]+", resource="https:\/\/vault\.azure\.net"$/, sentence);
	}
	await admin(env, 'POST', '/settings', { tokenSeconds: 0 });
	const expired = (await operatorCredential(env).getToken('https://vault.azure.net/.default')).token;
	await admin(env, 'POST', '/settings', { tokenSeconds: 3599 });
	assert.equal((await exchange(env, 'GET', `${env.VAULT_URL}/certificates?api-version=7.4`,
		{ headers: { Authorization: `Bearer ${expired}` } })).status, 401);
});

test('the client tries again when the vault hiccups', async () => {
	await admin(env, 'POST', '/faults', { method: 'GET', path: '^/certificates/shop-example-com', times: 1,
		do: { status: 503, headers: { 'Retry-After': '0' }, body: { error: { code: 'ServiceUnavailable' } } } });
	assert.equal((await vault.getCertificate('shop-example-com')).name, 'shop-example-com');
	await admin(env, 'POST', '/faults', { method: 'GET', path: '^/certificates/shop-example-com', times: 1,
		do: { reset: 'before' } });
	assert.equal((await vault.getCertificate('shop-example-com')).name, 'shop-example-com');
	const seen = await admin(env, 'GET', '/requests');
	assert.ok(seen.some((item) => item.status === 0));
	await admin(env, 'DELETE', '/faults');
	await eventually('no faults', async () => (await admin(env, 'GET', '/faults')).length === 0);
});
