// Generated from contracts/src/OPG.sol by scripts/generateContracts.ts.
export const abi = [
  {
    "type": "constructor",
    "inputs": [
      {
        "name": "recipient",
        "type": "address",
        "internalType": "address"
      }
    ],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "CLOCK_MODE",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "string",
        "internalType": "string"
      }
    ],
    "stateMutability": "pure"
  },
  {
    "type": "function",
    "name": "DOMAIN_SEPARATOR",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "TOTAL_SUPPLY",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "allowance",
    "inputs": [
      {
        "name": "owner",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "spender",
        "type": "address",
        "internalType": "address"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "approve",
    "inputs": [
      {
        "name": "spender",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "bool",
        "internalType": "bool"
      }
    ],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "authorizationState",
    "inputs": [
      {
        "name": "authorizer",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "bool",
        "internalType": "bool"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "balanceOf",
    "inputs": [
      {
        "name": "account",
        "type": "address",
        "internalType": "address"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "cancelAuthorization",
    "inputs": [
      {
        "name": "authorizer",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "v",
        "type": "uint8",
        "internalType": "uint8"
      },
      {
        "name": "r",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "s",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "cancelAuthorization",
    "inputs": [
      {
        "name": "authorizer",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "signature",
        "type": "bytes",
        "internalType": "bytes"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "checkpoints",
    "inputs": [
      {
        "name": "account",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "pos",
        "type": "uint32",
        "internalType": "uint32"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "tuple",
        "internalType": "struct Checkpoints.Checkpoint208",
        "components": [
          {
            "name": "_key",
            "type": "uint48",
            "internalType": "uint48"
          },
          {
            "name": "_value",
            "type": "uint208",
            "internalType": "uint208"
          }
        ]
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "clock",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "uint48",
        "internalType": "uint48"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "decimals",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "uint8",
        "internalType": "uint8"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "delegate",
    "inputs": [
      {
        "name": "delegatee",
        "type": "address",
        "internalType": "address"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "delegateBySig",
    "inputs": [
      {
        "name": "delegatee",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "nonce",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "expiry",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "v",
        "type": "uint8",
        "internalType": "uint8"
      },
      {
        "name": "r",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "s",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "delegates",
    "inputs": [
      {
        "name": "account",
        "type": "address",
        "internalType": "address"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "address",
        "internalType": "address"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "eip712Domain",
    "inputs": [],
    "outputs": [
      {
        "name": "fields",
        "type": "bytes1",
        "internalType": "bytes1"
      },
      {
        "name": "name",
        "type": "string",
        "internalType": "string"
      },
      {
        "name": "version",
        "type": "string",
        "internalType": "string"
      },
      {
        "name": "chainId",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "verifyingContract",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "salt",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "extensions",
        "type": "uint256[]",
        "internalType": "uint256[]"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "getPastTotalSupply",
    "inputs": [
      {
        "name": "timepoint",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "getPastVotes",
    "inputs": [
      {
        "name": "account",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "timepoint",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "getVotes",
    "inputs": [
      {
        "name": "account",
        "type": "address",
        "internalType": "address"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "name",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "string",
        "internalType": "string"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "nonces",
    "inputs": [
      {
        "name": "owner",
        "type": "address",
        "internalType": "address"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "numCheckpoints",
    "inputs": [
      {
        "name": "account",
        "type": "address",
        "internalType": "address"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint32",
        "internalType": "uint32"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "permit",
    "inputs": [
      {
        "name": "owner",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "spender",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "deadline",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "v",
        "type": "uint8",
        "internalType": "uint8"
      },
      {
        "name": "r",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "s",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "receiveWithAuthorization",
    "inputs": [
      {
        "name": "from",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "to",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validAfter",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validBefore",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "signature",
        "type": "bytes",
        "internalType": "bytes"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "receiveWithAuthorization",
    "inputs": [
      {
        "name": "from",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "to",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validAfter",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validBefore",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "v",
        "type": "uint8",
        "internalType": "uint8"
      },
      {
        "name": "r",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "s",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "symbol",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "string",
        "internalType": "string"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "totalSupply",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "transfer",
    "inputs": [
      {
        "name": "to",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "bool",
        "internalType": "bool"
      }
    ],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "transferFrom",
    "inputs": [
      {
        "name": "from",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "to",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "bool",
        "internalType": "bool"
      }
    ],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "transferWithAuthorization",
    "inputs": [
      {
        "name": "from",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "to",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validAfter",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validBefore",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "signature",
        "type": "bytes",
        "internalType": "bytes"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "transferWithAuthorization",
    "inputs": [
      {
        "name": "from",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "to",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validAfter",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validBefore",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "v",
        "type": "uint8",
        "internalType": "uint8"
      },
      {
        "name": "r",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "s",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "event",
    "name": "Approval",
    "inputs": [
      {
        "name": "owner",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "spender",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "indexed": false,
        "internalType": "uint256"
      }
    ],
    "anonymous": false
  },
  {
    "type": "event",
    "name": "AuthorizationCanceled",
    "inputs": [
      {
        "name": "authorizer",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "indexed": true,
        "internalType": "bytes32"
      }
    ],
    "anonymous": false
  },
  {
    "type": "event",
    "name": "AuthorizationUsed",
    "inputs": [
      {
        "name": "authorizer",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "indexed": true,
        "internalType": "bytes32"
      }
    ],
    "anonymous": false
  },
  {
    "type": "event",
    "name": "DelegateChanged",
    "inputs": [
      {
        "name": "delegator",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "fromDelegate",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "toDelegate",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      }
    ],
    "anonymous": false
  },
  {
    "type": "event",
    "name": "DelegateVotesChanged",
    "inputs": [
      {
        "name": "delegate",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "previousVotes",
        "type": "uint256",
        "indexed": false,
        "internalType": "uint256"
      },
      {
        "name": "newVotes",
        "type": "uint256",
        "indexed": false,
        "internalType": "uint256"
      }
    ],
    "anonymous": false
  },
  {
    "type": "event",
    "name": "EIP712DomainChanged",
    "inputs": [],
    "anonymous": false
  },
  {
    "type": "event",
    "name": "Transfer",
    "inputs": [
      {
        "name": "from",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "to",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "value",
        "type": "uint256",
        "indexed": false,
        "internalType": "uint256"
      }
    ],
    "anonymous": false
  },
  {
    "type": "error",
    "name": "CheckpointUnorderedInsertion",
    "inputs": []
  },
  {
    "type": "error",
    "name": "ECDSAInvalidSignature",
    "inputs": []
  },
  {
    "type": "error",
    "name": "ECDSAInvalidSignatureLength",
    "inputs": [
      {
        "name": "length",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "ECDSAInvalidSignatureS",
    "inputs": [
      {
        "name": "s",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC20ExceededSafeSupply",
    "inputs": [
      {
        "name": "increasedSupply",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "cap",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC20InsufficientAllowance",
    "inputs": [
      {
        "name": "spender",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "allowance",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "needed",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC20InsufficientBalance",
    "inputs": [
      {
        "name": "sender",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "balance",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "needed",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC20InvalidApprover",
    "inputs": [
      {
        "name": "approver",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC20InvalidReceiver",
    "inputs": [
      {
        "name": "receiver",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC20InvalidSender",
    "inputs": [
      {
        "name": "sender",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC20InvalidSpender",
    "inputs": [
      {
        "name": "spender",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC2612ExpiredSignature",
    "inputs": [
      {
        "name": "deadline",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC2612InvalidSigner",
    "inputs": [
      {
        "name": "signer",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "owner",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC3009InvalidAuthorizationTime",
    "inputs": [
      {
        "name": "validAfter",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "validBefore",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC3009InvalidSignature",
    "inputs": []
  },
  {
    "type": "error",
    "name": "ERC3009UsedAuthorization",
    "inputs": [
      {
        "name": "authorizer",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "nonce",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ]
  },
  {
    "type": "error",
    "name": "ERC5805FutureLookup",
    "inputs": [
      {
        "name": "timepoint",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "clock",
        "type": "uint48",
        "internalType": "uint48"
      }
    ]
  },
  {
    "type": "error",
    "name": "InvalidAccountNonce",
    "inputs": [
      {
        "name": "account",
        "type": "address",
        "internalType": "address"
      },
      {
        "name": "currentNonce",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "InvalidShortString",
    "inputs": []
  },
  {
    "type": "error",
    "name": "SafeCastOverflowedUintDowncast",
    "inputs": [
      {
        "name": "bits",
        "type": "uint8",
        "internalType": "uint8"
      },
      {
        "name": "value",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "StringTooLong",
    "inputs": [
      {
        "name": "str",
        "type": "string",
        "internalType": "string"
      }
    ]
  },
  {
    "type": "error",
    "name": "VotesExpiredSignature",
    "inputs": [
      {
        "name": "expiry",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  }
] as const

export const creationCode =
  '0x610160604052348015610010575f5ffd5b5060405161353d38038061353d83398101604081905261002f916107ad565b604051806040016040528060038152602001624f504760e81b81525080604051806040016040528060018152602001603160f81b815250604051806040016040528060038152602001624f504760e81b815250604051806040016040528060038152602001624f504760e81b81525081600390816100ad9190610875565b5060046100ba8282610875565b5050506100cc8261018b60201b60201c565b610120526100d98161018b565b61014052815160208084019190912060e052815190820120610100524660a05261016560e05161010051604080517f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f60208201529081019290925260608201524660808201523060a08201525f9060c00160405160208183030381529060405280519060200120905090565b60805250503060c05250610185816b033b2e3c9fd0803ce80000006101d1565b50610a03565b5f5f829050601f815111156101be578260405163305a27a960e01b81526004016101b59190610933565b60405180910390fd5b80516101c982610968565b179392505050565b6001600160a01b0382166101fa5760405163ec442f0560e01b81525f60048201526024016101b5565b6102055f8383610209565b5050565b610214838383610219565b505050565b61022483838361027f565b6001600160a01b038316610274575f61023c60025490565b90506001600160d01b038082111561027157604051630e58ae9360e11b815260048101839052602481018290526044016101b5565b50505b6102148383836103a5565b6001600160a01b0383166102a9578060025f82825461029e919061099f565b909155506103199050565b6001600160a01b0383165f90815260208190526040902054818110156102fb5760405163391434e360e21b81526001600160a01b038516600482015260248101829052604481018390526064016101b5565b6001600160a01b0384165f9081526020819052604090209082900390555b6001600160a01b03821661033557600280548290039055610353565b6001600160a01b0382165f9081526020819052604090208054820190555b816001600160a01b0316836001600160a01b03167fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef8360405161039891815260200190565b60405180910390a3505050565b6001600160a01b0383166103d3576103d0600a610e4661042d60201b176103cb84610441565b610478565b50505b6001600160a01b0382166103fc576103f9600a610e516104a660201b176103cb84610441565b50505b6001600160a01b038381165f90815260086020526040808220548584168352912054610214929182169116836104b1565b5f61043882846109b2565b90505b92915050565b5f6001600160d01b03821115610474576040516306dfcc6560e41b815260d06004820152602481018390526044016101b5565b5090565b5f806104994261049161048a88610601565b868860201c565b879190610649565b915091505b935093915050565b5f61043882846109d1565b816001600160a01b0316836001600160a01b0316141580156104d257505f81115b15610214576001600160a01b0383161561056a576001600160a01b0383165f9081526009602090815260408220829161051891906104a6901b610e51176103cb86610441565b6001600160d01b031691506001600160d01b03169150846001600160a01b03165f51602061351d5f395f51905f52838360405161055f929190918252602082015260400190565b60405180910390a250505b6001600160a01b03821615610214576001600160a01b0382165f908152600960209081526040822082916105ab919061042d901b610e46176103cb86610441565b6001600160d01b031691506001600160d01b03169150836001600160a01b03165f51602061351d5f395f51905f5283836040516105f2929190918252602082015260400190565b60405180910390a25050505050565b80545f908015610640576106278361061a6001846109f0565b5f91825260209091200190565b54660100000000000090046001600160d01b0316610642565b5f5b9392505050565b5f8061049985858582545f9081908015610750575f61066d8761061a6001856109f0565b805490915065ffffffffffff80821691660100000000000090046001600160d01b03169088168211156106b357604051632520601d60e01b815260040160405180910390fd5b8765ffffffffffff168265ffffffffffff16036106ef57825465ffffffffffff1666010000000000006001600160d01b03891602178355610742565b6040805180820190915265ffffffffffff808a1682526001600160d01b03808a1660208085019182528d54600181018f555f8f815291909120945191519092166601000000000000029216919091179101555b945085935061049e92505050565b50506040805180820190915265ffffffffffff80851682526001600160d01b0380851660208085019182528854600181018a555f8a815291822095519251909316660100000000000002919093161792019190915590508161049e565b5f602082840312156107bd575f5ffd5b81516001600160a01b0381168114610642575f5ffd5b634e487b7160e01b5f52604160045260245ffd5b600181811c908216806107fb57607f821691505b60208210810361081957634e487b7160e01b5f52602260045260245ffd5b50919050565b601f821115610214578282111561021457805f5260205f20601f840160051c602085101561084a57505f5b90810190601f840160051c035f5b8181101561086d575f83820155600101610858565b505050505050565b81516001600160401b0381111561088e5761088e6107d3565b6108a28161089c84546107e7565b8461081f565b6020601f8211600181146108d4575f83156108bd5750848201515b5f19600385901b1c1916600184901b17845561092c565b5f84815260208120601f198516915b8281101561090357878501518255602094850194600190920191016108e3565b508482101561092057868401515f19600387901b60f8161c191681555b505060018360011b0184555b5050505050565b602081525f82518060208401528060208501604085015e5f604082850101526040601f19601f83011684010191505092915050565b80516020808301519190811015610819575f1960209190910360031b1b16919050565b634e487b7160e01b5f52601160045260245ffd5b8082018082111561043b5761043b61098b565b6001600160d01b03818116838216019081111561043b5761043b61098b565b6001600160d01b03828116828216039081111561043b5761043b61098b565b8181038181111561043b5761043b61098b565b60805160a05160c05160e051610100516101205161014051612ac9610a545f395f6113a801525f61137d01525f61108401525f61105c01525f610fb701525f610fe101525f61100b0152612ac95ff3fe608060405234801561000f575f5ffd5b50600436106101dc575f3560e01c806388b7ab6311610109578063c3cda5201161009e578063e3ee160e1161006e578063e3ee160e14610493578063e94a0102146104a6578063ef55bec6146104de578063f1127ed8146104f1575f5ffd5b8063c3cda52014610422578063cf09299514610435578063d505accf14610448578063dd62ed3e1461045b575f5ffd5b806395d89b41116100d957806395d89b41146103e15780639ab24eb0146103e9578063a9059cbb146103fc578063b7b728991461040f575f5ffd5b806388b7ab63146103925780638e539e8c146103a5578063902d55a5146103b857806391ddadf4146103cb575f5ffd5b80634bf5d7e91161017f5780636fcfff451161014f5780636fcfff451461031457806370a082311461033c5780637ecebe001461036457806384b0196e14610377575f5ffd5b80634bf5d7e914610270578063587cde1e146102a95780635a049a70146102ec5780635c19a95c14610301575f5ffd5b806323b872dd116101ba57806323b872dd14610233578063313ce567146102465780633644e515146102555780633a46b1a81461025d575f5ffd5b806306fdde03146101e0578063095ea7b3146101fe57806318160ddd14610221575b5f5ffd5b6101e8610543565b6040516101f591906124ac565b60405180910390f35b61021161020c3660046124d9565b6105d3565b60405190151581526020016101f5565b6002545b6040519081526020016101f5565b610211610241366004612501565b6105ec565b604051601281526020016101f5565b61022561060f565b61022561026b3660046124d9565b61061d565b60408051808201909152600e81527f6d6f64653d74696d657374616d7000000000000000000000000000000000000060208201526101e8565b6102d46102b736600461253b565b6001600160a01b039081165f908152600860205260409020541690565b6040516001600160a01b0390911681526020016101f5565b6102ff6102fa366004612564565b61066a565b005b6102ff61030f36600461253b565b61073b565b61032761032236600461253b565b61074a565b60405163ffffffff90911681526020016101f5565b61022561034a36600461253b565b6001600160a01b03165f9081526020819052604090205490565b61022561037236600461253b565b610754565b61037f61075e565b6040516101f597969594939291906125ae565b6102ff6103a03660046126a5565b6107bc565b6102256103b336600461272a565b6108b1565b6102256b033b2e3c9fd0803ce800000081565b60405165ffffffffffff421681526020016101f5565b6101e86108e8565b6102256103f736600461253b565b6108f7565b61021161040a3660046124d9565b610917565b6102ff61041d366004612741565b610924565b6102ff610430366004612797565b610984565b6102ff6104433660046126a5565b610a43565b6102ff6104563660046127eb565b610ac0565b610225610469366004612851565b6001600160a01b039182165f90815260016020908152604080832093909416825291909152205490565b6102ff6104a1366004612882565b610c28565b6102116104b43660046124d9565b6001600160a01b03919091165f908152600b60209081526040808320938352929052205460ff1690565b6102ff6104ec366004612882565b610cfd565b6105046104ff3660046128fd565b610e22565b60408051825165ffffffffffff16815260209283015179ffffffffffffffffffffffffffffffffffffffffffffffffffff1692810192909252016101f5565b6060600380546105529061293a565b80601f016020809104026020016040519081016040528092919081815260200182805461057e9061293a565b80156105c95780601f106105a0576101008083540402835291602001916105c9565b820191905f5260205f20905b8154815290600101906020018083116105ac57829003601f168201915b5050505050905090565b5f336105e0818585610e5c565b60019150505b92915050565b5f336105f9858285610e6e565b610604858585610f1c565b506001949350505050565b5f610618610fab565b905090565b5f61064761062a836110d4565b6001600160a01b0385165f90815260096020526040902090611131565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff169392505050565b604080517f158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a159742960208201526001600160a01b03871691810191909152606081018590525f906106d1906080015b604051602081830303815290604052805190602001206111f7565b90506106df8185858561123e565b6001600160a01b0316866001600160a01b031614610729576040517f77c207f400000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b610733868661126c565b505050505050565b3361074681836112af565b5050565b5f6105e682611338565b5f6105e682611359565b5f6060805f5f5f606061076f611376565b6107776113a1565b604080515f808252602082019092527f0f000000000000000000000000000000000000000000000000000000000000009b939a50919850469750309650945092509050565b604080517fd099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de860208201526001600160a01b03808b169282019290925290881660608201526080810187905260a0810186905260c0810185905260e08101849052610844908990610100015b6040516020818303038152906040528051906020012084846113cc565b866001600160a01b0381163314610898576040517fec442f050000000000000000000000000000000000000000000000000000000081526001600160a01b0390911660048201526024015b60405180910390fd5b506108a7888888888888611416565b5050505050505050565b5f6108c66108be836110d4565b600a90611131565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff1692915050565b6060600480546105529061293a565b6001600160a01b0381165f9081526009602052604081206108c69061146a565b5f336105e0818585610f1c565b604080517f158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a159742960208201526001600160a01b0386169181019190915260608101849052610974908590608001610827565b61097e848461126c565b50505050565b834211156109c1576040517f4683af0e0000000000000000000000000000000000000000000000000000000081526004810185905260240161088f565b604080517fe48329057bfd03d55e49b547132e39cffd9c1820ad7b9d4c5307691425d15adf60208201526001600160a01b0388169181019190915260608101869052608081018590525f90610a2490610a1c9060a0016106b6565b85858561123e565b9050610a3081876114b7565b610a3a81886112af565b50505050505050565b604080517f7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a226760208201526001600160a01b03808b169282019290925290881660608201526080810187905260a0810186905260c0810185905260e08101849052610ab290899061010001610827565b6108a7888888888888611416565b83421115610afd576040517f627913020000000000000000000000000000000000000000000000000000000081526004810185905260240161088f565b5f7f6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9888888610b488c6001600160a01b03165f90815260076020526040902080546001810190915590565b6040805160208101969096526001600160a01b0394851690860152929091166060840152608083015260a082015260c0810186905260e0016040516020818303038152906040528051906020012090505f610ba2826111f7565b90505f610bb18287878761123e565b9050896001600160a01b0316816001600160a01b031614610c11576040517f4b800e460000000000000000000000000000000000000000000000000000000081526001600160a01b0380831660048301528b16602482015260440161088f565b610c1c8a8a8a610e5c565b50505050505050505050565b604080517f7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a226760208201526001600160a01b03808c169282019290925290891660608201526080810188905260a0810187905260c0810186905260e081018590525f90610c9790610100016106b6565b9050610ca58185858561123e565b6001600160a01b03168a6001600160a01b031614610cef576040517f77c207f400000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b610c1c8a8a8a8a8a8a611416565b604080517fd099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de860208201526001600160a01b03808c169282019290925290891660608201526080810188905260a0810187905260c0810186905260e081018590525f90610d6c90610100016106b6565b9050610d7a8185858561123e565b6001600160a01b03168a6001600160a01b031614610dc4576040517f77c207f400000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b886001600160a01b0381163314610e13576040517fec442f050000000000000000000000000000000000000000000000000000000081526001600160a01b03909116600482015260240161088f565b50610c1c8a8a8a8a8a8a611416565b604080518082019091525f8082526020820152610e3f8383611522565b9392505050565b5f610e3f82846129b8565b5f610e3f82846129ea565b610e698383836001611556565b505050565b6001600160a01b038381165f908152600160209081526040808320938616835292905220547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff81101561097e5781811015610f0e576040517ffb8f41b20000000000000000000000000000000000000000000000000000000081526001600160a01b0384166004820152602481018290526044810183905260640161088f565b61097e84848484035f611556565b6001600160a01b038316610f5e576040517f96c6fd1e0000000000000000000000000000000000000000000000000000000081525f600482015260240161088f565b6001600160a01b038216610fa0576040517fec442f050000000000000000000000000000000000000000000000000000000081525f600482015260240161088f565b610e6983838361165a565b5f306001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001614801561100357507f000000000000000000000000000000000000000000000000000000000000000046145b1561102d57507f000000000000000000000000000000000000000000000000000000000000000090565b610618604080517f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f60208201527f0000000000000000000000000000000000000000000000000000000000000000918101919091527f000000000000000000000000000000000000000000000000000000000000000060608201524660808201523060a08201525f9060c00160405160208183030381529060405280519060200120905090565b5f4265ffffffffffff81168310611128576040517fecd3f81e0000000000000000000000000000000000000000000000000000000081526004810184905265ffffffffffff8216602482015260440161088f565b610e3f83611665565b81545f908181600581111561118d575f61114a846116b4565b6111549085612a1c565b5f8881526020902090915081015465ffffffffffff908116908716101561117d5780915061118b565b611188816001612a2f565b92505b505b5f61119a87878585611819565b905080156111ea576111be876111b1600184612a1c565b5f91825260209091200190565b546601000000000000900479ffffffffffffffffffffffffffffffffffffffffffffffffffff166111ec565b5f5b979650505050505050565b5f6105e6611203610fab565b836040517f19010000000000000000000000000000000000000000000000000000000000008152600281019290925260228201526042902090565b5f5f5f5f61124e8888888861186f565b92509250925061125e8282611955565b50909150505b949350505050565b6112768282611a58565b60405181906001600160a01b038416907f1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81905f90a35050565b6001600160a01b038281165f8181526008602052604080822080548686167fffffffffffffffffffffffff0000000000000000000000000000000000000000821681179092559151919094169392849290917f3134e8a2e6d97e929a7e54011ea5485d7d196dd5f0ba4d4ef95803e8e3fc257f9190a4610e69818361133386611b19565b611b36565b6001600160a01b0381165f908152600960205260408120546105e690611ceb565b6001600160a01b0381165f908152600760205260408120546105e6565b60606106187f0000000000000000000000000000000000000000000000000000000000000000611d34565b60606106187f0000000000000000000000000000000000000000000000000000000000000000611d34565b6113e0846113d9856111f7565b8484611d71565b61097e576040517f77c207f400000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6114208383611de3565b61142a8682611a58565b60405181906001600160a01b038816907f98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5905f90a3610733868686610f1c565b80545f9080156114af57611483836111b1600184612a1c565b546601000000000000900479ffffffffffffffffffffffffffffffffffffffffffffffffffff16610e3f565b5f9392505050565b6001600160a01b0382165f908152600760205260409020805460018101909155818114610e69576040517f752d88c00000000000000000000000000000000000000000000000000000000081526001600160a01b03841660048201526024810182905260440161088f565b604080518082019091525f80825260208201526001600160a01b0383165f908152600960205260409020610e3f9083611e34565b6001600160a01b038416611598576040517fe602df050000000000000000000000000000000000000000000000000000000081525f600482015260240161088f565b6001600160a01b0383166115da576040517f94280d620000000000000000000000000000000000000000000000000000000081525f600482015260240161088f565b6001600160a01b038085165f908152600160209081526040808320938716835292905220829055801561097e57826001600160a01b0316846001600160a01b03167f8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b9258460405161164c91815260200190565b60405180910390a350505050565b610e69838383611eb7565b5f65ffffffffffff8211156116b0576040517f6dfcc650000000000000000000000000000000000000000000000000000000008152603060048201526024810183905260440161088f565b5090565b5f600182116116c1575090565b81600170010000000000000000000000000000000082106116e75760809190911c9060401b5b6801000000000000000082106117025760409190911c9060201b5b64010000000082106117195760209190911c9060101b5b62010000821061172e5760109190911c9060081b5b61010082106117425760089190911c9060041b5b601082106117555760049190911c9060021b5b600482106117615760011b5b600302600190811c9081858161177957611779612a42565b048201901c9050600181858161179157611791612a42565b048201901c905060018185816117a9576117a9612a42565b048201901c905060018185816117c1576117c1612a42565b048201901c905060018185816117d9576117d9612a42565b048201901c905060018185816117f1576117f1612a42565b048201901c905061181081858161180a5761180a612a42565b04821190565b90039392505050565b5f5b81831015611867575f85815260209020838316600285851804019081015465ffffffffffff8681169116111561185357809250611861565b61185e816001612a2f565b93505b5061181b565b509392505050565b5f80807f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a08411156118a857505f9150600390508261194b565b604080515f808252602082018084528a905260ff891692820192909252606081018790526080810186905260019060a0016020604051602081039080840390855afa1580156118f9573d5f5f3e3d5ffd5b50506040517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe001519150506001600160a01b03811661194257505f92506001915082905061194b565b92505f91508190505b9450945094915050565b5f82600381111561196857611968612a6f565b03611971575050565b600182600381111561198557611985612a6f565b036119bc576040517ff645eedf00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b60028260038111156119d0576119d0612a6f565b03611a0a576040517ffce698f70000000000000000000000000000000000000000000000000000000081526004810182905260240161088f565b6003826003811115611a1e57611a1e612a6f565b03610746576040517fd78bce0c0000000000000000000000000000000000000000000000000000000081526004810182905260240161088f565b6001600160a01b0382165f908152600b602090815260408083208484529091529020548290829060ff1615611aca576040517f8f7808c10000000000000000000000000000000000000000000000000000000081526001600160a01b039092166004830152602482015260440161088f565b50506001600160a01b039091165f908152600b602090815260408083209383529290522080547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00166001179055565b6001600160a01b0381165f908152602081905260408120546105e6565b816001600160a01b0316836001600160a01b031614158015611b5757505f81115b15610e69576001600160a01b03831615611c24576001600160a01b0383165f9081526009602052604081208190611b9990610e51611b9486611f49565b611fa8565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff16915079ffffffffffffffffffffffffffffffffffffffffffffffffffff169150846001600160a01b03167fdec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a7248383604051611c19929190918252602082015260400190565b60405180910390a250505b6001600160a01b03821615610e69576001600160a01b0382165f9081526009602052604081208190611c5c90610e46611b9486611f49565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff16915079ffffffffffffffffffffffffffffffffffffffffffffffffffff169150836001600160a01b03167fdec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a7248383604051611cdc929190918252602082015260400190565b60405180910390a25050505050565b5f63ffffffff8211156116b0576040517f6dfcc650000000000000000000000000000000000000000000000000000000008152602060048201526024810183905260440161088f565b60605f611d4083611fd9565b6040805160208082528183019092529192505f91906020820181803683375050509182525060208101929092525090565b5f846001600160a01b03163b5f03611dd0575f5f611d90868686612019565b5090925090505f816003811115611da957611da9612a6f565b148015611dc75750866001600160a01b0316826001600160a01b0316145b92505050611264565b611ddc85858585612060565b9050611264565b8142118015611df157508042105b8282909161097e576040517f4a931c170000000000000000000000000000000000000000000000000000000081526004810192909252602482015260440161088f565b604080518082019091525f8082526020820152825f018263ffffffff1681548110611e6157611e61612a9c565b5f9182526020918290206040805180820190915291015465ffffffffffff811682526601000000000000900479ffffffffffffffffffffffffffffffffffffffffffffffffffff16918101919091529392505050565b611ec28383836120e3565b6001600160a01b038316611f3e575f611eda60025490565b905079ffffffffffffffffffffffffffffffffffffffffffffffffffff80821115611f3b576040517f1cb15d26000000000000000000000000000000000000000000000000000000008152600481018390526024810182905260440161088f565b50505b610e69838383612222565b5f79ffffffffffffffffffffffffffffffffffffffffffffffffffff8211156116b0576040517f6dfcc65000000000000000000000000000000000000000000000000000000000815260d060048201526024810183905260440161088f565b5f80611fcc42611fc4611fba8861146a565b868863ffffffff16565b879190612297565b915091505b935093915050565b5f60ff8216601f8111156105e6576040517fb3512b0c00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f8080604184900361204d578435602086013560408701355f1a61203f8982858561186f565b955095509550505050612057565b505f915060029050825b93509350939050565b604080517f1626ba7e00000000000000000000000000000000000000000000000000000000808252600482018690526024820192909252604481018390525f91908390818660648301375f82606483010152601f820160051c60051b915060205f60648401838b5afa9050825f5114601f3d111681169350505050949350505050565b6001600160a01b03831661210d578060025f8282546121029190612a2f565b909155506121969050565b6001600160a01b0383165f9081526020819052604090205481811015612178576040517fe450d38c0000000000000000000000000000000000000000000000000000000081526001600160a01b0385166004820152602481018290526044810183905260640161088f565b6001600160a01b0384165f9081526020819052604090209082900390555b6001600160a01b0382166121b2576002805482900390556121d0565b6001600160a01b0382165f9081526020819052604090208054820190555b816001600160a01b0316836001600160a01b03167fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef8360405161221591815260200190565b60405180910390a3505050565b6001600160a01b03831661224457612241600a610e46611b9484611f49565b50505b6001600160a01b03821661226657612263600a610e51611b9484611f49565b50505b6001600160a01b038381165f90815260086020526040808220548584168352912054610e6992918216911683611b36565b5f80611fcc85858582545f90819080156123f0575f6122bb876111b1600185612a1c565b805490915065ffffffffffff808216916601000000000000900479ffffffffffffffffffffffffffffffffffffffffffffffffffff1690881682111561232d576040517f2520601d00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b8765ffffffffffff168265ffffffffffff160361237c57825465ffffffffffff16660100000000000079ffffffffffffffffffffffffffffffffffffffffffffffffffff8916021783556123e2565b6040805180820190915265ffffffffffff808a16825279ffffffffffffffffffffffffffffffffffffffffffffffffffff808a1660208085019182528d54600181018f555f8f815291909120945191519092166601000000000000029216919091179101555b9450859350611fd192505050565b50506040805180820190915265ffffffffffff808516825279ffffffffffffffffffffffffffffffffffffffffffffffffffff80851660208085019182528854600181018a555f8a8152918220955192519093166601000000000000029190931617920191909155905081611fd1565b5f81518084528060208401602086015e5f6020828601015260207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f83011685010191505092915050565b602081525f610e3f6020830184612460565b80356001600160a01b03811681146124d4575f5ffd5b919050565b5f5f604083850312156124ea575f5ffd5b6124f3836124be565b946020939093013593505050565b5f5f5f60608486031215612513575f5ffd5b61251c846124be565b925061252a602085016124be565b929592945050506040919091013590565b5f6020828403121561254b575f5ffd5b610e3f826124be565b803560ff811681146124d4575f5ffd5b5f5f5f5f5f60a08688031215612578575f5ffd5b612581866124be565b94506020860135935061259660408701612554565b94979396509394606081013594506080013592915050565b7fff000000000000000000000000000000000000000000000000000000000000008816815260e060208201525f6125e860e0830189612460565b82810360408401526125fa8189612460565b606084018890526001600160a01b038716608085015260a0840186905283810360c0850152845180825260208087019350909101905f5b8181101561264f578351835260209384019390920191600101612631565b50909b9a5050505050505050505050565b5f5f83601f840112612670575f5ffd5b50813567ffffffffffffffff811115612687575f5ffd5b60208301915083602082850101111561269e575f5ffd5b9250929050565b5f5f5f5f5f5f5f5f60e0898b0312156126bc575f5ffd5b6126c5896124be565b97506126d360208a016124be565b965060408901359550606089013594506080890135935060a0890135925060c089013567ffffffffffffffff81111561270a575f5ffd5b6127168b828c01612660565b999c989b5096995094979396929594505050565b5f6020828403121561273a575f5ffd5b5035919050565b5f5f5f5f60608587031215612754575f5ffd5b61275d856124be565b935060208501359250604085013567ffffffffffffffff81111561277f575f5ffd5b61278b87828801612660565b95989497509550505050565b5f5f5f5f5f5f60c087890312156127ac575f5ffd5b6127b5876124be565b955060208701359450604087013593506127d160608801612554565b9598949750929560808101359460a0909101359350915050565b5f5f5f5f5f5f5f60e0888a031215612801575f5ffd5b61280a886124be565b9650612818602089016124be565b9550604088013594506060880135935061283460808901612554565b9699959850939692959460a0840135945060c09093013592915050565b5f5f60408385031215612862575f5ffd5b61286b836124be565b9150612879602084016124be565b90509250929050565b5f5f5f5f5f5f5f5f5f6101208a8c03121561289b575f5ffd5b6128a48a6124be565b98506128b260208b016124be565b975060408a0135965060608a0135955060808a0135945060a08a013593506128dc60c08b01612554565b989b979a50959894979396929550929360e081013593506101000135919050565b5f5f6040838503121561290e575f5ffd5b612917836124be565b9150602083013563ffffffff8116811461292f575f5ffd5b809150509250929050565b600181811c9082168061294e57607f821691505b602082108103612985577f4e487b71000000000000000000000000000000000000000000000000000000005f52602260045260245ffd5b50919050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b79ffffffffffffffffffffffffffffffffffffffffffffffffffff81811683821601908111156105e6576105e661298b565b79ffffffffffffffffffffffffffffffffffffffffffffffffffff82811682821603908111156105e6576105e661298b565b818103818111156105e6576105e661298b565b808201808211156105e6576105e661298b565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffddec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a724' as const
