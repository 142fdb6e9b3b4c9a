/* The documented steps, byte for byte: clients compare them. */
#include "api/step.h"

#include "api/hostname.h"
#include "unit/check.h"

static const struct {
	const char *name, *message, *condition;
} documented[] = {
	{"GetApplicationGatewayPublicIpStep", "Getting Application Gateway public IP address.",
	 "GatewayReachable"},
	{"CheckDnsResolutionStep",
	 "Checking whether the hostname is resolving to the Application Gateway.", "DnsResolved"},
	{"GetAcmeOrderStep", "Starting certificate request process with the Certificate Authority.",
	 "OwnershipValidated"},
	{"GetAcmeHttp01ChallengeStep",
	 "Getting hostname ownership verification challenge from the Certificate Authority.",
	 "OwnershipValidated"},
	{"UploadValidationFileToBlobStorageStep",
	 "Uploading hostname ownership verification file to Azure Blob Storage.",
	 "OwnershipValidated"},
	{"AnswerAcmeHttp01ChallengeStep", "Verifying hostname ownership.", "OwnershipValidated"},
	{"CheckAcmeOrderStep", "Waiting for hostname ownership verification.",
	 "OwnershipValidated"},
	{"DeleteValidationFileFromBlobStorageStep",
	 "Deleting verification files from Azure Blob Storage.", "OwnershipValidated"},
	{"CreateCertificateStep", "Creating certificate.", "CertificateIssued"},
	{"ImportCertificateStep", "Importing certificate.", "CertificateIssued"},
	{"ConfigureApplicationGatewayStep",
	 "Configuring Application Gateway to use the new certificate.", "GatewayConfigured"},
	{"Completed", "Certbot function successfully completed.", "Ready"},
	{"Failed", "An error has occured. Check error.", "Ready"},
};

static void test_documented(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_SIZE(documented), STEP_COUNT);
	for (int i = 0; i < STEP_COUNT; i++) {
		const struct step_info *info = step_info((enum step)i);

		check_row_text(documented[i].name, info->name, documented[i].name);
		check_row_text(documented[i].name, info->message, documented[i].message);
		check_row_text(documented[i].name, info->condition, documented[i].condition);
		check_row_int(documented[i].name, step_find(documented[i].name), i);
	}
}

static void test_unknown_names(void **state)
{
	(void)state;
	assert_int_equal(step_find("completed"), -1);
	assert_int_equal(step_find(""), -1);
	assert_int_equal(step_find(NULL), -1);
}

static const struct {
	const char *error, *message;
} failures[] = {
	{"HostnameNotResolvingToApplicationGateway",
	 "Hostname is not resolving to the Application Gateway."},
	{"HostnameOwnershipValidationFileNotFound",
	 "ACME challenge http_01 validation file could not be found."},
	{"HostnameOwnershipValidationFileNotValid",
	 "ACME challenge http_01 validation file content is not valid."},
	{"CAAForbids", "An error has occured. Check error."},
	{"", "An error has occured. Check error."},
	{NULL, "An error has occured. Check error."},
};

static void test_failure_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		check_row_text(failures[i].error ? failures[i].error : "none",
			       step_failure_message(failures[i].error), failures[i].message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documented),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_failure_messages),
	};

	return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
