#include "pki/pbe.h"

#include <stdint.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "pki/ossl.h"

#define ROUNDS_MAX	100000
#define SCRYPT_WORK_MAX (1u << 17) /* N * r * p of RFC 7914, as openssl(1) has it */

static bool are_few(const ASN1_INTEGER *rounds)
{
	int64_t count = 0;

	return rounds && ASN1_INTEGER_get_int64(&count, rounds) == 1 && count <= ROUNDS_MAX;
}

/* RFC 8018 A.2. */
static bool is_pbkdf2_affordable(const ASN1_TYPE *parameter)
{
	PBKDF2PARAM *param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), parameter);
	bool fits = param && are_few(param->iter);

	PBKDF2PARAM_free(param);
	return fits;
}

static bool multiply(uint64_t *product, const ASN1_INTEGER *factor)
{
	uint64_t value = 0;

	return factor && ASN1_INTEGER_get_uint64(&value, factor) == 1 &&
	       !__builtin_mul_overflow(*product, value, product) && *product <= SCRYPT_WORK_MAX;
}

/* RFC 7914 7. */
static bool is_scrypt_affordable(const ASN1_TYPE *parameter)
{
	SCRYPT_PARAMS *param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
	uint64_t work = 1;
	bool fits = param && multiply(&work, param->costParameter) &&
		    multiply(&work, param->blockSize) &&
		    multiply(&work, param->parallelizationParameter);

	SCRYPT_PARAMS_free(param);
	return fits;
}

static bool is_derivation_affordable(const X509_ALGOR *derivation)
{
	int nid = OBJ_obj2nid(derivation->algorithm);

	return (nid == NID_id_pbkdf2 && is_pbkdf2_affordable(derivation->parameter)) ||
	       (nid == NID_id_scrypt && is_scrypt_affordable(derivation->parameter));
}

/* PBES2 names its derivation; PBES1 and the schemes of PKCS#12 count their rounds themselves. */
static bool is_encryption_affordable(const X509_ALGOR *encryption)
{
	PBE2PARAM *second = NULL;
	PBEPARAM *first = NULL;
	bool fits;

	if (OBJ_obj2nid(encryption->algorithm) == NID_pbes2)
		second = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM),
						   encryption->parameter);
	else
		first = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), encryption->parameter);
	fits = (second && is_derivation_affordable(second->keyfunc)) ||
	       (first && are_few(first->iter));
	PBE2PARAM_free(second);
	PBEPARAM_free(first);
	return fits;
}

bool pbe_is_affordable(const unsigned char *der, size_t size)
{
	X509_SIG *encrypted = size <= OSSL_INPUT_MAX ? d2i_X509_SIG(NULL, &der, (long)size) : NULL;
	const X509_ALGOR *encryption = NULL;
	bool fits = true;

	if (encrypted) {
		X509_SIG_get0(encrypted, &encryption, NULL);
		fits = is_encryption_affordable(encryption);
	}
	X509_SIG_free(encrypted);
	ERR_clear_error();
	return fits;
}
