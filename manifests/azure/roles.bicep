// What gatecertd's identity and the gateway's identity may do, and nothing else.
//
// For the resources of one resource group; a name that is left empty is not in it. Resources in several groups take one
// deployment each, with the names of that group:
//
//   az deployment group create -g GROUP -f roles.bicep -p principalId=ID gatewayName=NAME ...

@description('Object id of the identity that gatecertd signs in with.')
param principalId string

@description('Object id of the user-assigned identity of the Application Gateway; with vaultName.')
param gatewayPrincipalId string = ''

param gatewayName string = ''
param publicIpNames array = []
param vnetName string = ''
@description('The subnet of the gateway in vnetName.')
param subnetName string = ''
param wafPolicyNames array = []
@description('The user-assigned identity of the gateway.')
param gatewayIdentityName string = ''
param vaultName string = ''
param storageAccountName string = ''
@description('The container of BlobContainerUrl.')
param containerName string = ''

// The JSON files beside this one are the roles; here they only get the scope and a name of their own in the tenant.
var roles = [
  loadJsonContent('role-gateway.json')
  loadJsonContent('role-certificates.json')
  loadJsonContent('role-account-key.json')
  loadJsonContent('role-seal-key.json')
  loadJsonContent('role-challenges.json')
]
var gatewayRole = 0
var certificatesRole = 1
var accountKeyRole = 2
var sealKeyRole = 3
var challengesRole = 4

var keyVaultSecretsUser = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for role in roles: {
  name: guid(resourceGroup().id, role.Name)
  properties: {
    roleName: '${role.Name} (${resourceGroup().name})'
    description: role.Description
    type: 'CustomRole'
    permissions: [
      {
        actions: role.Actions
        notActions: role.NotActions
        dataActions: role.DataActions
        notDataActions: role.NotDataActions
      }
    ]
    assignableScopes: [
      resourceGroup().id
    ]
  }
}]

resource gateway 'Microsoft.Network/applicationGateways@2024-05-01' existing = if (!empty(gatewayName)) {
  name: empty(gatewayName) ? 'none' : gatewayName
}

resource onGateway 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(gatewayName)) {
  scope: gateway
  name: guid(gateway.id, principalId, 'gateway')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[gatewayRole].id
  }
}

resource publicIps 'Microsoft.Network/publicIPAddresses@2024-05-01' existing = [for name in publicIpNames: {
  name: name
}]

resource onPublicIps 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, i) in publicIpNames: {
  scope: publicIps[i]
  name: guid(publicIps[i].id, principalId, 'gateway')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[gatewayRole].id
  }
}]

resource vnet 'Microsoft.Network/virtualNetworks@2024-05-01' existing = if (!empty(vnetName)) {
  name: empty(vnetName) ? 'none' : vnetName
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = if (!empty(vnetName)) {
  parent: vnet
  name: empty(subnetName) ? 'none' : subnetName
}

resource onSubnet 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vnetName)) {
  scope: subnet
  name: guid(subnet.id, principalId, 'gateway')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[gatewayRole].id
  }
}

resource wafPolicies 'Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies@2024-05-01' existing = [for name in wafPolicyNames: {
  name: name
}]

resource onWafPolicies 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, i) in wafPolicyNames: {
  scope: wafPolicies[i]
  name: guid(wafPolicies[i].id, principalId, 'gateway')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[gatewayRole].id
  }
}]

resource gatewayIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = if (!empty(gatewayIdentityName)) {
  name: empty(gatewayIdentityName) ? 'none' : gatewayIdentityName
}

resource onGatewayIdentity 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(gatewayIdentityName)) {
  scope: gatewayIdentity
  name: guid(gatewayIdentity.id, principalId, 'gateway')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[gatewayRole].id
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = if (!empty(vaultName)) {
  name: empty(vaultName) ? 'none' : vaultName
}

resource onVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vaultName)) {
  scope: vault
  name: guid(vault.id, principalId, 'certificates')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[certificatesRole].id
  }
}

// Every certificate's key also stands under /keys: on the vault as a whole the roles of keys would reach all of them. A key
// that is there already is left as it is.
resource accountKey 'Microsoft.KeyVault/vaults/keys@2023-07-01' = if (!empty(vaultName)) {
  parent: vault
  name: 'gatecert-acme-account'
  properties: {
    kty: 'EC'
    curveName: 'P-256'
    keyOps: [
      'sign'
      'verify'
    ]
  }
}

resource onAccountKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vaultName)) {
  scope: accountKey
  name: guid(accountKey.id, principalId, 'account key')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[accountKeyRole].id
  }
}

resource sealKey 'Microsoft.KeyVault/vaults/keys@2023-07-01' = if (!empty(vaultName)) {
  parent: vault
  name: 'gatecert-seal'
  properties: {
    kty: 'RSA'
    keySize: 2048
    keyOps: [
      'wrapKey'
      'unwrapKey'
    ]
  }
}

resource onSealKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vaultName)) {
  scope: sealKey
  name: guid(sealKey.id, principalId, 'seal key')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[sealKeyRole].id
  }
}

// The gateway itself reads the certificates, as secrets.
resource gatewayOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vaultName) && !empty(gatewayPrincipalId)) {
  scope: vault
  name: guid(vault.id, gatewayPrincipalId, 'secrets')
  properties: {
    principalId: gatewayPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: keyVaultSecretsUser
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = if (!empty(storageAccountName)) {
  name: empty(storageAccountName) ? 'none/default/none' : '${storageAccountName}/default/${containerName}'
}

resource onContainer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(storageAccountName)) {
  scope: container
  name: guid(container.id, principalId, 'challenges')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions[challengesRole].id
  }
}
