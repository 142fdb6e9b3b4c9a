#include "api/step.h"

#include <assert.h>
#include <stddef.h>

#include "base/text.h"

#define OWNERSHIP "OwnershipValidated"

static const struct step_info steps[STEP_COUNT] = {
	[STEP_GATEWAY_PUBLIC_IP] = {"GetApplicationGatewayPublicIpStep",
				    "Getting Application Gateway public IP address.",
				    "GatewayReachable"},
	[STEP_CHECK_DNS] =
		{"CheckDnsResolutionStep",
		 "Checking whether the hostname is resolving to the Application Gateway.",
		 "DnsResolved"},
	[STEP_GET_ORDER] = {"GetAcmeOrderStep",
			    "Starting certificate request process with the Certificate Authority.",
			    OWNERSHIP},
	[STEP_GET_CHALLENGE] = {"GetAcmeHttp01ChallengeStep",
				"Getting hostname ownership verification challenge from the "
				"Certificate Authority.",
				OWNERSHIP},
	[STEP_UPLOAD_FILE] =
		{"UploadValidationFileToBlobStorageStep",
		 "Uploading hostname ownership verification file to Azure Blob Storage.",
		 OWNERSHIP},
	[STEP_ANSWER_CHALLENGE] = {"AnswerAcmeHttp01ChallengeStep", "Verifying hostname ownership.",
				   OWNERSHIP},
	[STEP_CHECK_ORDER] = {"CheckAcmeOrderStep", "Waiting for hostname ownership verification.",
			      OWNERSHIP},
	[STEP_DELETE_FILE] = {"DeleteValidationFileFromBlobStorageStep",
			      "Deleting verification files from Azure Blob Storage.", OWNERSHIP},
	[STEP_CREATE_CERTIFICATE] = {"CreateCertificateStep", "Creating certificate.",
				     "CertificateIssued"},
	[STEP_IMPORT_CERTIFICATE] = {"ImportCertificateStep", "Importing certificate.",
				     "CertificateIssued"},
	[STEP_CONFIGURE_GATEWAY] = {"ConfigureApplicationGatewayStep",
				    "Configuring Application Gateway to use the new certificate.",
				    "GatewayConfigured"},
	[STEP_COMPLETED] = {"Completed", "Certbot function successfully completed.", "Ready"},
	[STEP_FAILED] = {"Failed", "An error has occured. Check error.", "Ready"},
};

static const struct {
	const char *error, *message;
} failures[] = {
	{"HostnameNotResolvingToApplicationGateway",
	 "Hostname is not resolving to the Application Gateway."},
	{"HostnameOwnershipValidationFileNotFound",
	 "ACME challenge http_01 validation file could not be found."},
	{"HostnameOwnershipValidationFileNotValid",
	 "ACME challenge http_01 validation file content is not valid."},
};

const struct step_info *step_info(enum step step)
{
	assert((unsigned)step < STEP_COUNT);
	return &steps[step];
}

int step_find(const char *name)
{
	for (int i = 0; i < STEP_COUNT; i++)
		if (text_equals(steps[i].name, name))
			return i;
	return -1;
}

const char *step_failure_message(const char *error_code)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (text_equals(failures[i].error, error_code))
			return failures[i].message;
	return steps[STEP_FAILED].message;
}
