// A certificate authority of the tests: openssl's command line, so that azuresim's own code judges foreign work.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

function within(work) {
	const directory = mkdtempSync(path.join(tmpdir(), 'gatecert-pki-'));

	try {
		return work((name) => path.join(directory, name));
	} finally {
		rmSync(directory, { recursive: true });
	}
}

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

function newKey(type) {
	if (type === 'RSA')
		return ['-newkey', 'rsa:2048'];
	return ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${type === 'EC' ? 'P-256' : type}`];
}

const derOf = (pem) => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');

/** Issues for a CSR in DER; gives the chain as DER buffers, leaf first. */
export function issue(csr, names, { days = 90 } = {}) {
	return within((file) => {
		openssl('req', '-x509', ...newKey('EC'), '-nodes', '-subj', '/CN=tests root', '-days', '400', '-keyout',
			file('ca.key'), '-out', file('ca.pem'));
		writeFileSync(file('csr.der'), csr);
		writeFileSync(file('ext'), `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\n`);
		openssl('x509', '-req', '-inform', 'DER', '-in', file('csr.der'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'),
			'-CAcreateserial', '-days', String(days), '-extfile', file('ext'), '-out', file('leaf.pem'));
		return [derOf(readFileSync(file('leaf.pem'), 'utf8')), derOf(readFileSync(file('ca.pem'), 'utf8'))];
	});
}

/** A key (PKCS#8 PEM; type RSA, EC, or the name of a curve) and its self-signed certificate (PEM). */
export function selfSigned(names, { type = 'RSA', days = 90 } = {}) {
	return within((file) => {
		openssl('req', '-x509', ...newKey(type), '-nodes', '-subj', `/CN=${names[0]}`, '-days', String(days), '-addext',
			`subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`, '-keyout', file('key'), '-out', file('cert'));
		return { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('cert'), 'utf8') };
	});
}

/** The same as a PFX. */
export function pfxOf({ key, cert }, password = '') {
	return within((file) => {
		writeFileSync(file('key'), key);
		writeFileSync(file('cert'), cert);
		openssl('pkcs12', '-export', '-inkey', file('key'), '-in', file('cert'), '-passout', `pass:${password}`, '-out',
			file('pfx'));
		return readFileSync(file('pfx'));
	});
}

/** The names and the key type of a CSR in DER. */
export function inspectCsr(csr) {
	return within((file) => {
		writeFileSync(file('csr'), csr);
		return openssl('req', '-inform', 'DER', '-in', file('csr'), '-noout', '-text', '-verify').toString();
	});
}

/** The certificates of a PKCS#7 in base64, as DER. */
export function certificatesOf(pkcs7) {
	return within((file) => {
		writeFileSync(file('p7'), Buffer.from(pkcs7, 'base64'));
		const text = openssl('pkcs7', '-inform', 'DER', '-in', file('p7'), '-print_certs').toString();

		return text.match(/-----BEGIN[^]*?-----END CERTIFICATE-----/g).map(derOf);
	});
}
