// One stack for a test file, and Azure's own clients pointed at it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';

import { NetworkManagementClient } from '@azure/arm-network';
import { ClientSecretCredential } from '@azure/identity';
import { CertificateClient } from '@azure/keyvault-certificates';
import { CryptographyClient, KeyClient } from '@azure/keyvault-keys';
import { SecretClient } from '@azure/keyvault-secrets';
import { BlobServiceClient, ContainerClient } from '@azure/storage-blob';

const checkout = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

function run(...args) {
	const done = spawnSync(path.join(checkout, 'hack/stack'), args, { encoding: 'utf8', timeout: 120000 });

	if (done.status !== 0) {
		throw new Error(`hack/stack ${args.join(' ')}: ${done.stderr || done.error}`);
	}
}

function readEnvironment(file) {
	const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line.includes('='));

	return Object.fromEntries(lines.map((line) => {
		const at = line.indexOf('=');

		return [line.slice(0, at), line.slice(at + 1).replace(/^(['"])(.*)\1$/, '$2')];
	}));
}

/** Starts a stack that ends with this process; `settings` are azuresim's, `flags` more of hack/stack's. */
export function up(settings = {}, flags = []) {
	const directory = mkdtempSync(path.join(tmpdir(), 'gatecert-conformance-'));
	const chosen = { gatewayUpdateSeconds: 0.3, vaultPollSeconds: 0.3, ...settings };
	const options = Object.entries(chosen).flatMap(([key, value]) => ['--azuresim', `${key}=${value}`]);

	process.once('exit', () => {
		run('down', directory);
		rmSync(directory, { recursive: true });
	});
	for (const signal of ['SIGINT', 'SIGTERM']) {
		process.once(signal, () => process.exit(1));
	}
	run('up', directory, ...options, ...flags);
	const env = readEnvironment(path.join(directory, 'stack.env'));

	return env;
}

/** What every client is told: no look-up of clouds, no check of the vault's name, few and quick repeats. */
export function optionsOf(env) {
	return {
		authorityHost: env.AUTHORITY_HOST,
		disableInstanceDiscovery: true,
		disableChallengeResourceVerification: true,
		tlsOptions: { ca: readFileSync(env.ACME_CA_FILE, 'utf8') },
		retryOptions: { maxRetries: 2, retryDelayInMs: 50, maxRetryDelayInMs: 200 },
	};
}

/** Who may do everything. */
export function operatorCredential(env) {
	return new ClientSecretCredential(env.TENANT_ID, env.OPERATOR_CLIENT_ID, env.OPERATOR_CLIENT_SECRET, optionsOf(env));
}

/** Who may do what manifests/azure say. */
export function daemonCredential(env) {
	return new ClientSecretCredential(env.TENANT_ID, env.CLIENT_ID, env.CLIENT_SECRET, optionsOf(env));
}

export function clientsOf(env, credential = operatorCredential(env)) {
	const options = optionsOf(env);
	const subscription = env.GATEWAY_ID.split('/')[2];
	const blobOrigin = new URL(env.BLOB_CONTAINER_URL);

	return {
		network: new NetworkManagementClient(credential, subscription, { ...options, endpoint: env.ARM_ENDPOINT }),
		certificates: new CertificateClient(env.VAULT_URL, credential, options),
		keys: new KeyClient(env.VAULT_URL, credential, options),
		secrets: new SecretClient(env.VAULT_URL, credential, options),
		crypto: (keyId) => new CryptographyClient(keyId, credential, options),
		container: new ContainerClient(env.BLOB_CONTAINER_URL, credential, options),
		blobs: new BlobServiceClient(`${blobOrigin.origin}${blobOrigin.pathname.replace(/\/[^/]*$/, '')}`,
			credential, options),
		group: env.GATEWAY_ID.split('/')[4],
		gateway: env.GATEWAY_ID.split('/')[8],
	};
}

/** azuresim's admin API. */
export async function admin(env, method, where, body) {
	const reply = await fetch(env.SIM_ADMIN + where, { method, body: body && JSON.stringify(body) });
	const text = await reply.text();

	if (!reply.ok) {
		throw new Error(`${method} ${where}: ${reply.status} ${text}`);
	}
	return text ? JSON.parse(text) : undefined;
}

/** Repeats until `probe` gives something true; throws after `seconds`. */
export async function eventually(what, probe, seconds = 60) {
	const end = Date.now() + seconds * 1000;

	for (;;) {
		const found = await probe();

		if (found) {
			return found;
		}
		if (Date.now() > end) {
			throw new Error(`not within ${seconds} s: ${what}`);
		}
		await new Promise((resolve) => setTimeout(resolve, 30));
	}
}

/** One bare exchange over HTTPS: {status, headers, body}, or an error with `code`. */
export function exchange(env, method, url, { headers = {}, body } = {}) {
	const ca = readFileSync(env.ACME_CA_FILE, 'utf8');

	return new Promise((resolve, reject) => {
		const request = https.request(url, { method, headers, ca, agent: false }, (reply) => {
			const parts = [];

			reply.on('data', (part) => parts.push(part));
			reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers,
				body: Buffer.concat(parts).toString() }));
			reply.on('error', reject);
			reply.on('aborted', () => reject(Object.assign(new Error('cut off'), { code: 'CUT' })));
		});

		request.on('error', reject);
		request.end(body);
	});
}

/** An exchange with ARM: the body is JSON both ways; a string is sent as it is. */
export async function arm(env, credential, method, where, { body, headers = {}, version = '2025-05-01' } = {}) {
	const token = await credential.getToken(`${env.ARM_ENDPOINT}/.default`);
	const url = where.startsWith('https:') ? where : `${env.ARM_ENDPOINT}${where}?api-version=${version}`;
	const reply = await exchange(env, method, url, {
		headers: { Authorization: `Bearer ${token.token}`, 'Content-Type': 'application/json', ...headers },
		body: typeof body === 'string' ? body : body && JSON.stringify(body),
	});

	return { ...reply, json: reply.body ? JSON.parse(reply.body) : undefined };
}

/** The leaf that the gateway shows for a name, and what it answers to GET /; or the alert that it refuses with. `ip`: of
 * another gateway. */
export function visit(env, name, where = '/', ip = env.GATEWAY_IP) {
	return new Promise((resolve, reject) => {
		const socket = tls.connect({ host: ip, port: Number(env.GATEWAY_HTTPS_PORT), servername: name,
			rejectUnauthorized: false }, () => {
			const leaf = socket.getPeerCertificate().raw;
			let text = '';

			socket.write(`GET ${where} HTTP/1.0\r\nHost: ${name}\r\n\r\n`);
			socket.on('data', (part) => {
				text += part;
			});
			socket.on('end', () => resolve({ leaf, status: Number(text.split(' ')[1]),
				body: text.slice(text.indexOf('\r\n\r\n') + 4) }));
		});

		socket.on('error', (error) => (error.code?.startsWith('ERR_SSL') ? resolve({ alert: error.code }) : reject(error)));
	});
}
