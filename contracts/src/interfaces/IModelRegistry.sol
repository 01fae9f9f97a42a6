// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Why a version should not be used any more. Code 0: it is not deprecated.
enum Deprecation {
  None,
  Superseded,
  Defect,
  Security,
  Licence,
  Withdrawn
}

/// @title Who publishes which model, its versions, who is paid for hosting it
/// @notice A model id is the sha-256 of its manifest (protocol.md, section 1). Versions form lines: a line has one owner
/// and one name, only its owner adds to it, and each version names the one before. An id belongs to whoever registers it
/// first: register before the manifest is published. Nothing here moves value; times in seconds.
interface IModelRegistry {
  /// @param line id of the line's first version
  /// @param previous version; zero for the first
  /// @param number in its line, from 1
  /// @param successor what to use instead of a deprecated version; zero: nothing is named
  /// @param payee receives the hosts' share; zero: the treasury
  struct Model {
    bytes32 line;
    bytes32 previous;
    bytes32 successor;
    address payee;
    uint64 registeredAt;
    uint32 number;
    Deprecation deprecation;
  }

  /// @param head id of the newest version
  /// @param pendingOwner who may accept the line; zero: it is not offered
  struct Line {
    address owner;
    address pendingOwner;
    uint32 versions;
    bytes32 head;
    string name;
  }

  /// @notice Thrown when the id is zero
  error InvalidModel();
  error UnknownModel(bytes32 model);
  error UnknownLine(bytes32 line);
  /// @notice Thrown when the id was registered before, by anyone
  error AlreadyRegistered(bytes32 model, bytes32 line);
  /// @notice Thrown when the name is empty, longer than `MAX_NAME_BYTES`, or not of a manifest's form: lower-case letters
  /// and digits joined by single dots, underscores, slashes or hyphens
  error InvalidName();
  /// @notice Thrown when the owner has another line of this name
  error NameTaken(address owner, bytes32 line);
  error NotOwner(bytes32 line, address caller);
  error NotPendingOwner(bytes32 line, address caller);
  /// @notice Thrown when the version is not the newest of its line: another was added first
  error NotHead(bytes32 previous, bytes32 head);
  /// @notice Thrown when a deprecation has no reason
  error NoReason();
  /// @notice Thrown when the successor is not registered or is the model itself
  error InvalidSuccessor(bytes32 successor);

  event LineCreated(bytes32 indexed line, address indexed owner, string name);
  event ModelRegistered(
    bytes32 indexed model, bytes32 indexed line, address indexed owner, bytes32 previous, uint32 number, address payee
  );
  event PayeeChanged(bytes32 indexed model, address payee);
  event Deprecated(bytes32 indexed model, Deprecation reason, bytes32 successor);
  event Restored(bytes32 indexed model);
  /// @param pendingOwner zero: the offer was taken back
  event TransferOffered(bytes32 indexed line, address indexed owner, address indexed pendingOwner);
  event LineTransferred(bytes32 indexed line, address indexed from, address indexed to);

  /// @notice Starts a line of the caller's with its first version.
  function create(bytes32 model, string calldata name, address payee) external;
  /// @notice Adds a version after `previous`, the newest of its line. Owner of the line only.
  function addVersion(bytes32 model, bytes32 previous, address payee) external;
  /// @notice Changes who receives the hosts' share of a version. Owner of its line only.
  function setPayee(bytes32 model, address payee) external;
  /// @notice Marks a version as not to be used, or changes reason and successor. Owner of its line only.
  /// @param successor of any line; zero: none
  function deprecate(bytes32 model, Deprecation reason, bytes32 successor) external;
  /// @notice Takes a deprecation back. Owner of its line only.
  function restore(bytes32 model) external;
  /// @notice Offers a line to `to`, who must accept; zero takes the offer back. Owner only.
  function offerLine(bytes32 line, address to) external;
  /// @notice Takes over a line that was offered to the caller; it keeps its name, which the caller must have free.
  function acceptLine(bytes32 line) external;

  function isRegistered(bytes32 model) external view returns (bool);
  /// @notice Owner of the model's line; zero when the model is not registered.
  function ownerOf(bytes32 model) external view returns (address);
  /// @notice Who receives the hosts' share; zero when nobody was named or the model is not registered.
  function payeeOf(bytes32 model) external view returns (address);
  function modelOf(bytes32 model) external view returns (Model memory);
  function lineOf(bytes32 line) external view returns (Line memory);
  /// @notice The line that an owner has under a name; zero: none.
  function lineNamed(address owner, string calldata name) external view returns (bytes32);
  /// @notice Version `number` of a line, from 1; zero when there is none.
  function versionOf(bytes32 line, uint32 number) external view returns (bytes32);
}
