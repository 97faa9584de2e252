// A learner's checkpoints on disk: which of them is loaded.

import Algorithms
import Experience
import Foundations
import Glibc
import Numerics
import TestSupport
import Testing

@testable import Services

@Suite struct CheckpointFolderTests {
  private static let spec = NetworkSpec.mlp(inputs: 2, hidden: [3], outputs: 2, dueling: false)
  private let folder = TemporaryFolder()

  private func checkpoints() throws -> CheckpointFolder {
    CheckpointFolder(path: folder.path, label: "learner-1", manifest: try Self.spec.manifest())
  }

  private func learner() throws -> DQNRule { try DQNRule(spec: Self.spec, batchMax: 1) }

  private func weights(_ learner: DQNRule) -> [Float] { learner.parameters() }

  /// Saves a checkpoint of 10 updates and one of 20, whose weights are all 1 and all 2.
  private func saveTwo() throws -> CheckpointFolder {
    let (checkpoints, learner) = (try checkpoints(), try learner())
    for number in [1, 2] {
      let values = [Float](repeating: Float(number), count: learner.parameterCount)
      values.withUnsafeBufferPointer { learner.importParameters(from: $0) }
      try checkpoints.save(
        parameters: learner.parameters(), state: learner.state, metadata: ["updates": "\(number)0"])
    }
    return checkpoints
  }

  private func write(_ bytes: [UInt8], to path: String) throws { try AtomicFile.replace(path, with: bytes) }

  @Test func theNewestIsTaken() throws {
    let checkpoints = try saveTwo()
    let loaded = try #require(try checkpoints.load(into: try learner()))
    #expect(loaded.updates == 20 && loaded.notice == nil)
    let weights = try #require(try checkpoints.weights())
    #expect(weights.values.allSatisfy { $0 == 2 } && weights.updates == 20 && weights.notice == nil)
  }

  @Test func nothingIsThere() throws {
    #expect(try checkpoints().load(into: try learner()) == nil)
    #expect(try checkpoints().weights() == nil)
  }

  /// The newest file is missing.
  @Test func theOneBeforeAMissingOneIsTaken() throws {
    let checkpoints = try saveTwo()
    for path in [checkpoints.optimizerPath, checkpoints.weightsPath] { unlink(path) }
    let loaded = try #require(try checkpoints.load(into: try learner()))
    #expect(loaded.updates == 10)
    #expect(
      loaded.notice
        == "'\(checkpoints.optimizerPath)': expected the newest checkpoint, found none; the checkpoint before it, "
        + "\(folder.path)/learner-1.optimizer.previous.safetensors, of 10 updates, is used instead")
    let weights = try #require(try checkpoints.weights())
    #expect(weights.values.allSatisfy { $0 == 1 } && weights.updates == 10)
    #expect(
      weights.notice?.contains("learner-1.previous.safetensors, of 10 updates, is used instead") == true)
  }

  /// Files without tensors, weights that are not finite, another network.
  @Test(arguments: ["bytes", "nan", "shape"]) func theCheckpointBeforeADamagedOneIsUsed(_ damage: String)
    throws
  {
    let checkpoints = try saveTwo()
    var writer = SafetensorsWriter(metadata: ["updates": "20"])
    for tensor in try Self.spec.manifest().tensors {
      for prefix in ["", "adam.m.", "adam.v.", "target."] {
        let shape = damage == "shape" ? [1] : tensor.shape
        let value: Float = damage == "nan" ? .nan : 0
        try writer.add(
          prefix + tensor.name, shape: shape, [Float](repeating: value, count: shape.reduce(1, *)))
      }
    }
    let bytes = damage == "bytes" ? Array("no tensors".utf8) : try writer.contents()
    for path in [checkpoints.optimizerPath, checkpoints.weightsPath] { try write(bytes, to: path) }
    let learner = try learner()
    let before = weights(learner)
    let loaded = try #require(try checkpoints.load(into: learner))
    #expect(loaded.updates == 10 && loaded.notice?.contains(", of 10 updates, is used instead") == true)
    #expect(weights(learner) == before, "load(into:) restores optimizer and target network, not the weights")
    let found = try #require(try checkpoints.weights())
    #expect(found.values.allSatisfy { $0 == 1 } && found.notice?.contains("is used instead") == true)

    // A save replaces it by a whole file, and keeps the whole file before it.
    try checkpoints.save(
      parameters: learner.parameters(), state: learner.state, metadata: ["updates": "30"])
    #expect(try checkpoints.load(into: learner)?.updates == 30)
    unlink(checkpoints.optimizerPath)
    #expect(try checkpoints.load(into: learner)?.updates == 10)
  }

  @Test func loadThrowsIfNoCheckpointIsReadable() throws {
    let checkpoints = try saveTwo()
    for path in [checkpoints.optimizerPath, checkpoints.weightsPath] {
      unlink(path)
      try write(Array("no tensors".utf8), to: CheckpointFolder.previous(path))
    }
    let learner = try learner()
    #expect(throws: SafetensorsError.self) { try checkpoints.load(into: learner) }
    #expect(throws: SafetensorsError.self) { try checkpoints.weights() }
  }
}
