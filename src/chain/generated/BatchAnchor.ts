// Generated from contracts/src/BatchAnchor.sol by scripts/generateContracts.ts.
export const abi = [
  {
    "type": "constructor",
    "inputs": [
      {
        "name": "committee_",
        "type": "address",
        "internalType": "contract ICommittee"
      }
    ],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "FUTURE_TOLERANCE_MS",
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
    "name": "MAX_RECEIPTS",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "uint16",
        "internalType": "uint16"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "anchor",
    "inputs": [
      {
        "name": "b",
        "type": "tuple",
        "internalType": "struct Batch",
        "components": [
          {
            "name": "number",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "previous",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "epoch",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "settler",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "checkpointsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "leaves",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "votesRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditOf",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "jobs",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "rejected",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "acceptedFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "mac",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "data",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "cutoff",
            "type": "uint64",
            "internalType": "uint64"
          }
        ]
      },
      {
        "name": "signers",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "sigs64",
        "type": "bytes",
        "internalType": "bytes"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "checkLeaf",
    "inputs": [
      {
        "name": "b",
        "type": "tuple",
        "internalType": "struct Batch",
        "components": [
          {
            "name": "number",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "previous",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "epoch",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "settler",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "checkpointsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "leaves",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "votesRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditOf",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "jobs",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "rejected",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "acceptedFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "mac",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "data",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "cutoff",
            "type": "uint64",
            "internalType": "uint64"
          }
        ]
      },
      {
        "name": "l",
        "type": "tuple",
        "internalType": "struct Leaf",
        "components": [
          {
            "name": "index",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "operator",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "sequence",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "checkpoint",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "receiptsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "count",
            "type": "uint16",
            "internalType": "uint16"
          },
          {
            "name": "accepted",
            "type": "uint256",
            "internalType": "uint256"
          },
          {
            "name": "rejected",
            "type": "uint256",
            "internalType": "uint256"
          },
          {
            "name": "slashable",
            "type": "uint256",
            "internalType": "uint256"
          },
          {
            "name": "acceptedFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "certificate",
            "type": "bytes32",
            "internalType": "bytes32"
          }
        ]
      },
      {
        "name": "proof",
        "type": "bytes32[]",
        "internalType": "bytes32[]"
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
    "name": "checkReceipt",
    "inputs": [
      {
        "name": "b",
        "type": "tuple",
        "internalType": "struct Batch",
        "components": [
          {
            "name": "number",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "previous",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "epoch",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "settler",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "checkpointsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "leaves",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "votesRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditOf",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "jobs",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "rejected",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "acceptedFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "mac",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "data",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "cutoff",
            "type": "uint64",
            "internalType": "uint64"
          }
        ]
      },
      {
        "name": "l",
        "type": "tuple",
        "internalType": "struct Leaf",
        "components": [
          {
            "name": "index",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "operator",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "sequence",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "checkpoint",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "receiptsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "count",
            "type": "uint16",
            "internalType": "uint16"
          },
          {
            "name": "accepted",
            "type": "uint256",
            "internalType": "uint256"
          },
          {
            "name": "rejected",
            "type": "uint256",
            "internalType": "uint256"
          },
          {
            "name": "slashable",
            "type": "uint256",
            "internalType": "uint256"
          },
          {
            "name": "acceptedFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "certificate",
            "type": "bytes32",
            "internalType": "bytes32"
          }
        ]
      },
      {
        "name": "lp",
        "type": "bytes32[]",
        "internalType": "bytes32[]"
      },
      {
        "name": "r",
        "type": "tuple",
        "internalType": "struct Receipt",
        "components": [
          {
            "name": "jobId",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "grant",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "provider",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "requester",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "channel",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "sequence",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "model",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "inputHash",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "parametersHash",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "terms",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "outputHead",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "headsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "chunks",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "inputUnits",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "outputUnits",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "mac",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "billedMs",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "memoryMB",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "fee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "chargedAfter",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "evidence",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "trace",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "assurance",
            "type": "uint8",
            "internalType": "uint8"
          },
          {
            "name": "status",
            "type": "uint8",
            "internalType": "uint8"
          },
          {
            "name": "startedAt",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "finishedAt",
            "type": "uint64",
            "internalType": "uint64"
          }
        ]
      },
      {
        "name": "index",
        "type": "uint8",
        "internalType": "uint8"
      },
      {
        "name": "rp",
        "type": "bytes32[]",
        "internalType": "bytes32[]"
      }
    ],
    "outputs": [
      {
        "name": "status",
        "type": "uint8",
        "internalType": "enum IBatchAnchor.Status"
      },
      {
        "name": "accepted",
        "type": "bool",
        "internalType": "bool"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "committee",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "address",
        "internalType": "contract ICommittee"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "digestOf",
    "inputs": [
      {
        "name": "number",
        "type": "uint64",
        "internalType": "uint64"
      }
    ],
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
    "name": "force",
    "inputs": [
      {
        "name": "c",
        "type": "tuple",
        "internalType": "struct Checkpoint",
        "components": [
          {
            "name": "operator",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "grant",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "sequence",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "previous",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "firstSequence",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "count",
            "type": "uint16",
            "internalType": "uint16"
          },
          {
            "name": "receiptsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "totalFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "epoch",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "blockNumber",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "blockHash",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "createdAt",
            "type": "uint64",
            "internalType": "uint64"
          }
        ]
      },
      {
        "name": "operatorSig",
        "type": "bytes",
        "internalType": "bytes"
      }
    ],
    "outputs": [],
    "stateMutability": "nonpayable"
  },
  {
    "type": "function",
    "name": "forcedAt",
    "inputs": [
      {
        "name": "checkpoint",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ],
    "outputs": [
      {
        "name": "",
        "type": "uint64",
        "internalType": "uint64"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "lastEpoch",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "uint64",
        "internalType": "uint64"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "lastNumber",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "uint64",
        "internalType": "uint64"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "function",
    "name": "stakeManager",
    "inputs": [],
    "outputs": [
      {
        "name": "",
        "type": "address",
        "internalType": "contract IStakeManager"
      }
    ],
    "stateMutability": "view"
  },
  {
    "type": "event",
    "name": "BatchAnchored",
    "inputs": [
      {
        "name": "number",
        "type": "uint64",
        "indexed": true,
        "internalType": "uint64"
      },
      {
        "name": "digest",
        "type": "bytes32",
        "indexed": true,
        "internalType": "bytes32"
      },
      {
        "name": "settler",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "batch",
        "type": "tuple",
        "indexed": false,
        "internalType": "struct Batch",
        "components": [
          {
            "name": "number",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "previous",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "epoch",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "settler",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "checkpointsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "leaves",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "votesRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "auditOf",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "jobs",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "rejected",
            "type": "uint32",
            "internalType": "uint32"
          },
          {
            "name": "acceptedFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "mac",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "data",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "cutoff",
            "type": "uint64",
            "internalType": "uint64"
          }
        ]
      },
      {
        "name": "signers",
        "type": "uint256",
        "indexed": false,
        "internalType": "uint256"
      }
    ],
    "anonymous": false
  },
  {
    "type": "event",
    "name": "CheckpointForced",
    "inputs": [
      {
        "name": "digest",
        "type": "bytes32",
        "indexed": true,
        "internalType": "bytes32"
      },
      {
        "name": "operator",
        "type": "address",
        "indexed": true,
        "internalType": "address"
      },
      {
        "name": "sequence",
        "type": "uint64",
        "indexed": true,
        "internalType": "uint64"
      },
      {
        "name": "checkpoint",
        "type": "tuple",
        "indexed": false,
        "internalType": "struct Checkpoint",
        "components": [
          {
            "name": "operator",
            "type": "address",
            "internalType": "address"
          },
          {
            "name": "grant",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "sequence",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "previous",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "firstSequence",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "count",
            "type": "uint16",
            "internalType": "uint16"
          },
          {
            "name": "receiptsRoot",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "totalFee",
            "type": "uint128",
            "internalType": "uint128"
          },
          {
            "name": "epoch",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "blockNumber",
            "type": "uint64",
            "internalType": "uint64"
          },
          {
            "name": "blockHash",
            "type": "bytes32",
            "internalType": "bytes32"
          },
          {
            "name": "createdAt",
            "type": "uint64",
            "internalType": "uint64"
          }
        ]
      },
      {
        "name": "operatorSig",
        "type": "bytes",
        "indexed": false,
        "internalType": "bytes"
      }
    ],
    "anonymous": false
  },
  {
    "type": "error",
    "name": "AlreadyForced",
    "inputs": [
      {
        "name": "digest",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ]
  },
  {
    "type": "error",
    "name": "BadOperatorSignature",
    "inputs": [
      {
        "name": "operator",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "CutoffInFuture",
    "inputs": [
      {
        "name": "cutoff",
        "type": "uint64",
        "internalType": "uint64"
      },
      {
        "name": "nowMs",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "NoQuorum",
    "inputs": [
      {
        "name": "signed",
        "type": "uint256",
        "internalType": "uint256"
      },
      {
        "name": "total",
        "type": "uint256",
        "internalType": "uint256"
      }
    ]
  },
  {
    "type": "error",
    "name": "ProviderNotStaked",
    "inputs": [
      {
        "name": "operator",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "RootWithoutLeaves",
    "inputs": []
  },
  {
    "type": "error",
    "name": "SettlerNotStaked",
    "inputs": [
      {
        "name": "settler",
        "type": "address",
        "internalType": "address"
      }
    ]
  },
  {
    "type": "error",
    "name": "WrongCount",
    "inputs": [
      {
        "name": "count",
        "type": "uint16",
        "internalType": "uint16"
      }
    ]
  },
  {
    "type": "error",
    "name": "WrongEpoch",
    "inputs": [
      {
        "name": "epoch",
        "type": "uint64",
        "internalType": "uint64"
      },
      {
        "name": "current",
        "type": "uint64",
        "internalType": "uint64"
      }
    ]
  },
  {
    "type": "error",
    "name": "WrongNumber",
    "inputs": [
      {
        "name": "expected",
        "type": "uint64",
        "internalType": "uint64"
      },
      {
        "name": "got",
        "type": "uint64",
        "internalType": "uint64"
      }
    ]
  },
  {
    "type": "error",
    "name": "WrongPrevious",
    "inputs": [
      {
        "name": "expected",
        "type": "bytes32",
        "internalType": "bytes32"
      },
      {
        "name": "got",
        "type": "bytes32",
        "internalType": "bytes32"
      }
    ]
  }
] as const

export const creationCode =
  '0x60c060405234801561000f575f5ffd5b5060405161216038038061216083398101604081905261002e916100c3565b6001600160a01b03811660a081905260408051637542ff9560e01b81529051637542ff95916004808201926020929091908290030181865afa158015610076573d5f5f3e3d5ffd5b505050506040513d601f19601f8201168201806040525081019061009a91906100c3565b6001600160a01b0316608052506100e5565b6001600160a01b03811681146100c0575f5ffd5b50565b5f602082840312156100d3575f5ffd5b81516100de816100ac565b9392505050565b60805160a0516120306101305f395f818161023a015261073c01525f818161018f0152818161038a0152818161061701528181610a0a01528181610aae0152610f6401526120305ff3fe608060405234801561000f575f5ffd5b50600436106100cf575f3560e01c80637542ff951161007d578063d3c1ac8211610058578063d3c1ac8214610212578063d864e74014610235578063f814833d1461025c575f5ffd5b80637542ff951461018a578063b3db9f1a146101d6578063c4172739146101e9575f5ffd5b8063460968b1116100ad578063460968b1146101465780634a6a13f5146101625780637317c04714610177575f5ffd5b806303da0186146100d357806305338d40146100ef57806306a4c9831461010e575b5f5ffd5b6100dc6107d081565b6040519081526020015b60405180910390f35b6100dc6100fd366004611421565b60016020525f908152604090205481565b5f5461012d9068010000000000000000900467ffffffffffffffff1681565b60405167ffffffffffffffff90911681526020016100e6565b61014f61010081565b60405161ffff90911681526020016100e6565b610175610170366004611498565b61027d565b005b6101756101853660046114f2565b610981565b6101b17f000000000000000000000000000000000000000000000000000000000000000081565b60405173ffffffffffffffffffffffffffffffffffffffff90911681526020016100e6565b5f5461012d9067ffffffffffffffff1681565b61012d6101f736600461154b565b60026020525f908152604090205467ffffffffffffffff1681565b6102256102203660046115b4565b610d90565b60405190151581526020016100e6565b6101b17f000000000000000000000000000000000000000000000000000000000000000081565b61026f61026a36600461161a565b610db6565b6040516100e6929190611729565b5f5467ffffffffffffffff16610294816001611779565b67ffffffffffffffff166102ab6020870187611421565b67ffffffffffffffff16146102c1826001611779565b6102ce6020880188611421565b909161031f576040517fbdbb133200000000000000000000000000000000000000000000000000000000815267ffffffffffffffff9283166004820152911660248201526044015b60405180910390fd5b505067ffffffffffffffff81165f90815260016020908152604090912054908190870135808214610385576040517fdec3846000000000000000000000000000000000000000000000000000000000815260048101929092526024820152604401610316565b50505f7f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff1663766718086040518163ffffffff1660e01b8152600401602060405180830381865afa1580156103f1573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906104159190611799565b905067ffffffffffffffff81166104326060890160408a01611421565b67ffffffffffffffff1611158015610478575067ffffffffffffffff81166104606060890160408a01611421565b61046b906001611779565b67ffffffffffffffff1610155b80156104b457505f5468010000000000000000900467ffffffffffffffff166104a76060890160408a01611421565b67ffffffffffffffff1610155b6104c46060890160408a01611421565b829091610511576040517f2b9264ec00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff928316600482015291166024820152604401610316565b505f9050610521426103e86117b4565b905061052f6107d0826117cb565b6105416101e08a016101c08b01611421565b67ffffffffffffffff16111561055f6101e08a016101c08b01611421565b8290916105aa576040517f9608c44800000000000000000000000000000000000000000000000000000000815267ffffffffffffffff90921660048301526024820152604401610316565b50506080880135156105c260c08a0160a08b016117f1565b63ffffffff161514610600576040517f5a9dd18c00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b73ffffffffffffffffffffffffffffffffffffffff7f0000000000000000000000000000000000000000000000000000000000000000166308acb41061064c60808b0160608c0161182d565b6003856040518463ffffffff1660e01b815260040161066d93929190611846565b602060405180830381865afa158015610688573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906106ac9190611891565b15156106be60808a0160608b0161182d565b9061070e576040517fd6c8c25300000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff9091166004820152602401610316565b505f61072161071c8a610f0d565b610f5e565b90505f8073ffffffffffffffffffffffffffffffffffffffff7f00000000000000000000000000000000000000000000000000000000000000001663ea0dd69061077160608e0160408f01611421565b5f868e8e8e6040518763ffffffff1660e01b8152600401610797969594939291906118ef565b6040805180830381865afa1580156107b1573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906107d59190611932565b90925090506107e58160026117b4565b6107f08360036117b4565b1182829091610834576040517fa07c49af00000000000000000000000000000000000000000000000000000000815260048101929092526024820152604401610316565b50610844905060208c018c611421565b5f80547fffffffffffffffffffffffffffffffffffffffffffffffff00000000000000001667ffffffffffffffff9290921691909117905561088c60608c0160408d01611421565b5f805467ffffffffffffffff9290921668010000000000000000027fffffffffffffffffffffffffffffffff0000000000000000ffffffffffffffff90921691909117815583906001906108e360208f018f611421565b67ffffffffffffffff16815260208101919091526040015f205561090d60808c0160608d0161182d565b73ffffffffffffffffffffffffffffffffffffffff168361093160208e018e611421565b67ffffffffffffffff167f0a5e0a04034aec67dd02b0bf40f25bfde49143c4a8da2ce83ca1f5596b8002788e8e60405161096c929190611ad6565b60405180910390a45050505050505050505050565b61099160c0840160a08501611b04565b61ffff16158015906109b857506101006109b160c0850160a08601611b04565b61ffff1611155b6109c860c0850160a08601611b04565b90610a06576040517ff223364600000000000000000000000000000000000000000000000000000000815261ffff9091166004820152602401610316565b505f7f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff1663766718086040518163ffffffff1660e01b8152600401602060405180830381865afa158015610a71573d5f5f3e3d5ffd5b505050506040513d601f19601f82011682018060405250810190610a959190611799565b905073ffffffffffffffffffffffffffffffffffffffff7f0000000000000000000000000000000000000000000000000000000000000000166308acb410610ae0602087018761182d565b6001846040518463ffffffff1660e01b8152600401610b0193929190611846565b602060405180830381865afa158015610b1c573d5f5f3e3d5ffd5b505050506040513d601f19601f82011682018060405250810190610b409190611891565b1515610b4f602086018661182d565b90610b9f576040517f2fa51b1400000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff9091166004820152602401610316565b505f610bad61071c86611030565b5f81815260026020526040902054909150819067ffffffffffffffff1615610c04576040517f4d914c1800000000000000000000000000000000000000000000000000000000815260040161031691815260200190565b505f5f610c12838787611064565b5090925090505f816003811115610c2b57610c2b6116fc565b148015610c6f5750610c40602088018861182d565b73ffffffffffffffffffffffffffffffffffffffff168273ffffffffffffffffffffffffffffffffffffffff16145b610c7c602089018961182d565b90610ccc576040517ff072bc3000000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff9091166004820152602401610316565b505f838152600260205260409081902080547fffffffffffffffffffffffffffffffffffffffffffffffff0000000000000000164267ffffffffffffffff16179055610d1e9060608901908901611421565b67ffffffffffffffff16610d35602089018961182d565b73ffffffffffffffffffffffffffffffffffffffff16847fbacd3175c612d6a7e9858e89a782097aa5cd8a46901ef93458f2dcc8508281d08a8a8a604051610d7f93929190611c38565b60405180910390a450505050505050565b5f610d9a856110ab565b8015610dad5750610dad858585856110f9565b95945050505050565b5f5f610dc18a6110ab565b610dcf57505f905080610f00565b610ddb8a8a8a8a6110f9565b610dea5750600190505f610f00565b610dfa60c08a0160a08b01611b04565b61ffff168560ff16101580610e595750610e1a60408a0160208b0161182d565b73ffffffffffffffffffffffffffffffffffffffff16610e40606088016040890161182d565b73ffffffffffffffffffffffffffffffffffffffff1614155b15610e695750600290505f610f00565b610ea97fb3c27efecfca4ada1f22d8b5735e161408f1879ee9d4076ae2ea7c660644f31d8a608001358760ff16610ea261071c8b611177565b88886111ab565b610eb85750600290505f610f00565b8460ff168960e00135901c600116600103610ed85750600490505f610f00565b8460ff168960c00135901c600116600103610ef95750600590506001610f00565b50600390505f5b9850989650505050505050565b5f7fa2c1e7b3e8ee92e19989835570cd9f5fe93627a2990e7ed675b6344023a8e60182604051602001610f41929190611c5b565b604051602081830303815290604052805190602001209050919050565b5f61102a7f000000000000000000000000000000000000000000000000000000000000000073ffffffffffffffffffffffffffffffffffffffff1663f698da256040518163ffffffff1660e01b8152600401602060405180830381865afa158015610fcb573d5f5f3e3d5ffd5b505050506040513d601f19601f82011682018060405250810190610fef9190611891565b836040517f19010000000000000000000000000000000000000000000000000000000000008152600281019290925260228201526042902090565b92915050565b5f7faa252547b3cf7792b131ef46a17a7a744a0ef51beb02c066a50e955e4160c6e382604051602001610f41929190611c70565b5f80806041849003611098578435602086013560408701355f1a61108a89828585611251565b9550955095505050506110a2565b505f915060029050825b93509350939050565b5f806001816110bd6020860186611421565b67ffffffffffffffff16815260208101919091526040015f2054905080158015906110f257506110ef61071c84610f0d565b81145b9392505050565b5f61110a60c0860160a087016117f1565b63ffffffff1661111d60208601866117f1565b63ffffffff16108015610dad5750610dad7f6f2f10db282e8f49490bcebe1a267fa49e4657fd639bf484cf6e2be9e2ea5522608087013561116160208801886117f1565b63ffffffff1661117088611344565b87876111ab565b5f7fe226cf00adde6f0cb9b6a9ca72a813eb30adfa3ee84653bdd7bc6be1b785469b82604051602001610f41929190611c85565b5f60218211156111bc57505f611247565b61124483838861123f8b8a8a6040805160208101859052908101839052606081018290525f90608001604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0818403018152828252805160209182012090830152016040516020818303038152906040528051906020012090509392505050565b611378565b90505b9695505050505050565b5f80807f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a084111561128a57505f9150600390508261133a565b604080515f808252602082018084528a905260ff891692820192909252606081018790526080810186905260019060a0016020604051602081039080840390855afa1580156112db573d5f5f3e3d5ffd5b50506040517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0015191505073ffffffffffffffffffffffffffffffffffffffff811661133157505f92506001915082905061133a565b92505f91508190505b9450945094915050565b5f7fae158025e168c220c7a016e7e9aafc3053b5737e29f746e7d81e05df391774da82604051602001610f41929190611f09565b5f8261138586868561138f565b1495945050505050565b5f81815b848110156113c7576113bd828787848181106113b1576113b1612003565b905060200201356113d0565b9150600101611393565b50949350505050565b5f8183106113ea575f8281526020849052604090206110f2565b505f9182526020526040902090565b67ffffffffffffffff8116811461140e575f5ffd5b50565b803561141c816113f9565b919050565b5f60208284031215611431575f5ffd5b81356110f2816113f9565b5f6101e0828403121561144d575f5ffd5b50919050565b5f5f83601f840112611463575f5ffd5b50813567ffffffffffffffff81111561147a575f5ffd5b602083019150836020828501011115611491575f5ffd5b9250929050565b5f5f5f5f61022085870312156114ac575f5ffd5b6114b6868661143c565b93506101e0850135925061020085013567ffffffffffffffff8111156114da575f5ffd5b6114e687828801611453565b95989497509550505050565b5f5f5f8385036101a0811215611506575f5ffd5b610180811215611514575f5ffd5b5083925061018084013567ffffffffffffffff811115611532575f5ffd5b61153e86828701611453565b9497909650939450505050565b5f6020828403121561155b575f5ffd5b5035919050565b5f610160828403121561144d575f5ffd5b5f5f83601f840112611583575f5ffd5b50813567ffffffffffffffff81111561159a575f5ffd5b6020830191508360208260051b8501011115611491575f5ffd5b5f5f5f5f61036085870312156115c8575f5ffd5b6115d2868661143c565b93506115e2866101e08701611562565b925061034085013567ffffffffffffffff8111156115fe575f5ffd5b6114e687828801611573565b803560ff8116811461141c575f5ffd5b5f5f5f5f5f5f5f5f888a036106e0811215611633575f5ffd5b61163d8b8b61143c565b985061164d8b6101e08c01611562565b97506103408a013567ffffffffffffffff811115611669575f5ffd5b6116758c828d01611573565b9098509650506103407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca0820112156116ab575f5ffd5b50610360890193506116c06106a08a0161160a565b92506106c089013567ffffffffffffffff8111156116dc575f5ffd5b6116e88b828c01611573565b999c989b5096995094979396929594505050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b604081016006841061173d5761173d6116fc565b92815290151560209091015290565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b67ffffffffffffffff818116838216019081111561102a5761102a61174c565b5f602082840312156117a9575f5ffd5b81516110f2816113f9565b808202811582820484141761102a5761102a61174c565b8082018082111561102a5761102a61174c565b803563ffffffff8116811461141c575f5ffd5b5f60208284031215611801575f5ffd5b6110f2826117de565b803573ffffffffffffffffffffffffffffffffffffffff8116811461141c575f5ffd5b5f6020828403121561183d575f5ffd5b6110f28261180a565b73ffffffffffffffffffffffffffffffffffffffff841681526060810160058410611873576118736116fc565b83602083015267ffffffffffffffff83166040830152949350505050565b5f602082840312156118a1575f5ffd5b5051919050565b81835281816020850137505f602082840101525f60207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f840116840101905092915050565b67ffffffffffffffff87168152851515602082015284604082015283606082015260a060808201525f61192660a0830184866118a8565b98975050505050505050565b5f5f60408385031215611943575f5ffd5b505080516020909101519092909150565b80356fffffffffffffffffffffffffffffffff8116811461141c575f5ffd5b61198e8261198083611411565b67ffffffffffffffff169052565b602081810135908301526119a460408201611411565b67ffffffffffffffff1660408301526119bf6060820161180a565b73ffffffffffffffffffffffffffffffffffffffff166060830152608081810135908301526119f060a082016117de565b63ffffffff1660a083015260c0818101359083015260e08082013590830152611a1c6101008201611411565b67ffffffffffffffff16610100830152611a3961012082016117de565b63ffffffff16610120830152611a5261014082016117de565b63ffffffff16610140830152611a6b6101608201611954565b6fffffffffffffffffffffffffffffffff16610160830152611a906101808201611954565b6fffffffffffffffffffffffffffffffff166101808301526101a08181013590830152611ac06101c08201611411565b67ffffffffffffffff81166101c0840152505050565b6102008101611ae58285611973565b826101e08301529392505050565b803561ffff8116811461141c575f5ffd5b5f60208284031215611b14575f5ffd5b6110f282611af3565b611b4482611b2a8361180a565b73ffffffffffffffffffffffffffffffffffffffff169052565b60208181013590830152611b5a60408201611411565b67ffffffffffffffff16604083015260608181013590830152611b7f60808201611411565b67ffffffffffffffff166080830152611b9a60a08201611af3565b61ffff1660a083015260c08181013590830152611bb960e08201611954565b6fffffffffffffffffffffffffffffffff1660e0830152611bdd6101008201611411565b67ffffffffffffffff16610100830152611bfa6101208201611411565b67ffffffffffffffff166101208301526101408181013590830152611c226101608201611411565b67ffffffffffffffff8116610160840152505050565b611c428185611b1d565b6101a06101808201525f610dad6101a0830184866118a8565b82815261020081016110f26020830184611973565b8281526101a081016110f26020830184611b1d565b8281528135602080830191909152820135604080830191909152610360820190611cb090840161180a565b73ffffffffffffffffffffffffffffffffffffffff8116606084015250611cd96060840161180a565b73ffffffffffffffffffffffffffffffffffffffff8116608084015250608083013560a083810191909152611d0f908401611411565b67ffffffffffffffff811660c08401525060c083013560e0838101919091528301356101008084019190915283013561012080840191909152830135610140808401919091528301356101608084019190915283013561018080840191909152611d7a9084016117de565b63ffffffff81166101a084015250611d956101a08401611411565b67ffffffffffffffff81166101c084015250611db46101c08401611411565b67ffffffffffffffff81166101e084015250611dd36101e08401611954565b6fffffffffffffffffffffffffffffffff811661020084015250611dfa6102008401611411565b67ffffffffffffffff811661022084015250611e196102208401611411565b67ffffffffffffffff811661024084015250611e386102408401611954565b6fffffffffffffffffffffffffffffffff811661026084015250611e5f6102608401611954565b6fffffffffffffffffffffffffffffffff8116610280840152506102808301356102a0838101919091528301356102c080840191909152611ea190840161160a565b60ff81166102e084015250611eb96102e0840161160a565b60ff811661030084015250611ed16103008401611411565b67ffffffffffffffff811661032084015250611ef06103208401611411565b67ffffffffffffffff8116610340840152509392505050565b8281526101808101611f2b60208301611f21856117de565b63ffffffff169052565b611f376020840161180a565b73ffffffffffffffffffffffffffffffffffffffff8116604084015250611f6060408401611411565b67ffffffffffffffff8116606084015250606083013560808381019190915283013560a080840191909152611f96908401611af3565b61ffff811660c08401525060c083013560e0838101919091528301356101008084019190915283013561012080840191909152611fd4908401611954565b6fffffffffffffffffffffffffffffffff81166101408401525061014092909201356101609190910152919050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd' as const
