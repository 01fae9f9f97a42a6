// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deprecation, IModelRegistry} from "./interfaces/IModelRegistry.sol";

contract ModelRegistry is IModelRegistry {
  /// @notice Longest name, as in a manifest.
  uint256 public constant MAX_NAME_BYTES = 96;

  mapping(bytes32 model => Model) private _models;
  mapping(bytes32 line => Line) private _lines;
  mapping(bytes32 line => mapping(uint32 number => bytes32)) private _versions;
  mapping(address owner => mapping(bytes32 nameHash => bytes32)) private _named;

  /// @dev The line of a registered model, when the caller owns it.
  modifier onlyOwnerOfModel(bytes32 model) {
    bytes32 line = _models[model].line;
    require(line != 0, UnknownModel(model));
    require(_lines[line].owner == msg.sender, NotOwner(line, msg.sender));
    _;
  }

  /// @inheritdoc IModelRegistry
  function create(bytes32 model, string calldata name, address payee) external {
    _requireFree(model);
    _requireName(name);
    bytes32 nameHash = keccak256(bytes(name));
    bytes32 taken = _named[msg.sender][nameHash];
    require(taken == 0, NameTaken(msg.sender, taken));
    _named[msg.sender][nameHash] = model;
    Line storage line = _lines[model];
    line.owner = msg.sender;
    line.name = name;
    emit LineCreated(model, msg.sender, name);
    _add(model, model, 0, payee);
  }

  /// @inheritdoc IModelRegistry
  function addVersion(bytes32 model, bytes32 previous, address payee) external onlyOwnerOfModel(previous) {
    _requireFree(model);
    bytes32 line = _models[previous].line;
    bytes32 head = _lines[line].head;
    require(previous == head, NotHead(previous, head));
    _add(model, line, previous, payee);
  }

  /// @inheritdoc IModelRegistry
  function setPayee(bytes32 model, address payee) external onlyOwnerOfModel(model) {
    _models[model].payee = payee;
    emit PayeeChanged(model, payee);
  }

  /// @inheritdoc IModelRegistry
  function deprecate(bytes32 model, Deprecation reason, bytes32 successor) external onlyOwnerOfModel(model) {
    require(reason != Deprecation.None, NoReason());
    require(successor == 0 || (successor != model && isRegistered(successor)), InvalidSuccessor(successor));
    Model storage version = _models[model];
    (version.deprecation, version.successor) = (reason, successor);
    emit Deprecated(model, reason, successor);
  }

  /// @inheritdoc IModelRegistry
  function restore(bytes32 model) external onlyOwnerOfModel(model) {
    Model storage version = _models[model];
    require(version.deprecation != Deprecation.None, NoReason());
    (version.deprecation, version.successor) = (Deprecation.None, 0);
    emit Restored(model);
  }

  /// @inheritdoc IModelRegistry
  function offerLine(bytes32 line, address to) external {
    address owner = _lines[line].owner;
    require(owner != address(0) && owner == msg.sender, NotOwner(line, msg.sender));
    _lines[line].pendingOwner = to;
    emit TransferOffered(line, msg.sender, to);
  }

  /// @inheritdoc IModelRegistry
  function acceptLine(bytes32 line) external {
    Line storage accepted = _lines[line];
    address pending = accepted.pendingOwner;
    require(pending != address(0) && pending == msg.sender, NotPendingOwner(line, msg.sender));
    bytes32 nameHash = keccak256(bytes(accepted.name));
    bytes32 taken = _named[msg.sender][nameHash];
    require(taken == 0, NameTaken(msg.sender, taken));
    address from = accepted.owner;
    delete _named[from][nameHash];
    _named[msg.sender][nameHash] = line;
    (accepted.owner, accepted.pendingOwner) = (msg.sender, address(0));
    emit LineTransferred(line, from, msg.sender);
  }

  /// @inheritdoc IModelRegistry
  function isRegistered(bytes32 model) public view returns (bool) {
    return _models[model].line != 0;
  }

  /// @inheritdoc IModelRegistry
  function ownerOf(bytes32 model) external view returns (address) {
    return _lines[_models[model].line].owner;
  }

  /// @inheritdoc IModelRegistry
  function payeeOf(bytes32 model) external view returns (address) {
    return _models[model].payee;
  }

  /// @inheritdoc IModelRegistry
  function modelOf(bytes32 model) external view returns (Model memory) {
    require(isRegistered(model), UnknownModel(model));
    return _models[model];
  }

  /// @inheritdoc IModelRegistry
  function lineOf(bytes32 line) external view returns (Line memory) {
    require(_lines[line].owner != address(0), UnknownLine(line));
    return _lines[line];
  }

  /// @inheritdoc IModelRegistry
  function lineNamed(address owner, string calldata name) external view returns (bytes32) {
    return _named[owner][keccak256(bytes(name))];
  }

  /// @inheritdoc IModelRegistry
  function versionOf(bytes32 line, uint32 number) external view returns (bytes32) {
    return _versions[line][number];
  }

  function _add(bytes32 model, bytes32 line, bytes32 previous, address payee) private {
    Line storage grown = _lines[line];
    uint32 number = ++grown.versions;
    grown.head = model;
    _versions[line][number] = model;
    Model storage added = _models[model];
    (added.line, added.previous, added.number, added.payee) = (line, previous, number, payee);
    added.registeredAt = uint64(block.timestamp);
    emit ModelRegistered(model, line, msg.sender, previous, number, payee);
  }

  function _requireFree(bytes32 model) private view {
    require(model != 0, InvalidModel());
    bytes32 line = _models[model].line;
    require(line == 0, AlreadyRegistered(model, line));
  }

  /// @dev Of a manifest's name: lower-case letters and digits, joined by single dots, underscores, slashes or hyphens.
  function _requireName(string calldata name) private pure {
    bytes calldata text = bytes(name);
    require(text.length != 0 && text.length <= MAX_NAME_BYTES, InvalidName());
    bool joined = true;
    for (uint256 at; at < text.length; ++at) {
      bytes1 char = text[at];
      bool word = (char >= "a" && char <= "z") || (char >= "0" && char <= "9");
      require(word || (!joined && (char == "." || char == "_" || char == "/" || char == "-")), InvalidName());
      joined = !word;
    }
    require(!joined, InvalidName());
  }
}
