// Checkpoints with NaN or a tensor's name twice are refused by every command.

import Experience
import Foundation
import Foundations
import Glibc
import Numerics
import Testing
import Wire

@testable import Services

@Suite struct BadWeightsTests {
  private static let tensor = "trunk.0.weight"

  /// A run of some updates that has ended, with two checkpoints.
  private func ended() throws -> LiveRun {
    let run = try LiveRun(try Workspace(), settings: ["stop.updates=200"])
    #expect(try run.command.end().code == 0)
    return run
  }

  private func file(_ run: LiveRun, _ name: String) -> String {
    "\(run.folder)/checkpoints/\(name).safetensors"
  }

  /// Rewrites the file with a NaN or infinite value in one tensor.
  private func spoil(_ path: String, _ name: String, _ value: Float = .nan) throws {
    let file = try SafetensorsFile(path: path)
    var writer = SafetensorsWriter(metadata: file.metadata)
    for entry in file.entries {
      var values = try file.floats(entry.name)
      if entry.name == name { values[1] = value }
      try writer.add(entry.name, shape: entry.shape, values)
    }
    try writer.write(to: path)
  }

  /// Names a tensor once more in the file's header.
  private func repeatName(_ path: String, _ name: String) throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: path)))
    let length = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    let entry = #""\#(name)":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
    let header = [UInt8(ascii: "{")] + Array(entry.utf8) + bytes[9..<8 + length]
    let size = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    try AtomicFile.replace(path, with: size + header + bytes[(8 + length)...])
  }

  private func expectRefused(
    _ ended: Ended, _ texts: String..., location: SourceLocation = #_sourceLocation
  ) {
    #expect(ended.code == 1, "\(ended.output)", sourceLocation: location)
    #expect(ended.errors.hasPrefix("rookery: "), sourceLocation: location)
    #expect(
      ended.errors.split(separator: "\n").count == 1, "\(ended.errors)", sourceLocation: location)
    for text in texts {
      #expect(ended.errors.contains(text), "\(ended.errors)", sourceLocation: location)
    }
  }

  @Test func evalRefusesThem() throws {
    let run = try ended()
    func eval(_ path: String) throws -> Ended {
      try Program.run(["eval", path, "--episodes", "2"], in: run.workspace)
    }
    for name in ["best", "learner-1"] {
      let path = file(run, name)
      let good = try Data(contentsOf: URL(filePath: path))
      for (value, text) in [(Float.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")] {
        try spoil(path, Self.tensor, value)
        expectRefused(
          try eval(path),
          "\(name).safetensors': tensor '\(Self.tensor)', element 1: expected a finite number, found \(text); "
            + "these weights cannot be used; use another checkpoint")
      }
      try good.write(to: URL(filePath: path))
      try repeatName(path, Self.tensor)
      expectRefused(
        try eval(path),
        "\(name).safetensors': tensor '\(Self.tensor)': expected each name once, found it twice; "
          + "write the file again, or use another checkpoint")
    }
    // It is the best checkpoint of the run's folder, and no other one replaces it.
    expectRefused(try eval("runs/test"), "best.safetensors'", "expected each name once")
  }

  @Test func resumeRefusesThemInTheParameters() throws {
    let run = try ended()
    let path = "\(run.folder)/parameters.rookery"
    func spoil(_ body: (inout ParameterState) -> Void) throws {
      let store = try FileParameterStore(path: path)
      var state = try #require(try store.load())
      state.version += 1
      body(&state)
      try store.save(state)
    }
    let good = try Data(contentsOf: URL(filePath: path))
    let summary = Text.read("\(run.folder)/summary.json")
    for (value, text) in [(Float.nan, "nan"), (-.infinity, "-inf")] {
      // The last element of the third tensor.
      try spoil { state in
        let index = state.manifest.tensors.prefix(3).reduce(0) { $0 + $1.elementCount } - 1
        state.values[index] = value
      }
      let state = try #require(try FileParameterStore(path: path).load())
      let third = state.manifest.tensors[2]
      expectRefused(
        try run.resume("stop.updates=5000"),
        "parameters.rookery: tensor '\(third.name)', element \(third.elementCount - 1): expected a finite number, "
          + "found \(text); these weights cannot be used; start a new run")
      try good.write(to: URL(filePath: path))
    }
    try spoil { $0.manifest.tensors[2].name = $0.manifest.tensors[0].name }
    expectRefused(
      try run.resume("stop.updates=5000"), "parameters.rookery: tensor 2: expected '",
      "found '\(Self.tensor)'", "start a new run")
    // Nothing was started or changed.
    #expect(run.processes.isEmpty && Text.read("\(run.folder)/summary.json") == summary)
    try good.write(to: URL(filePath: path))
    #expect(try run.resume("stop.updates=5000").code == 0)
  }

  @Test func resumeRefusesThemInACheckpoint() throws {
    let run = try ended()
    let (newest, previous) = (
      file(run, "learner-1.optimizer"), file(run, "learner-1.optimizer.previous")
    )
    let good = try [newest, previous].map { try Data(contentsOf: URL(filePath: $0)) }
    func restore() throws {
      for (path, data) in zip([newest, previous], good) { try data.write(to: URL(filePath: path)) }
    }
    for name in ["adam.m.", "adam.v.", "target."] {
      for path in [newest, previous] { try spoil(path, name + Self.tensor) }
      expectRefused(
        try run.resume("stop.updates=5000"),
        "learner-1.optimizer.safetensors': tensor '\(name)\(Self.tensor)', element 1: expected a finite number, "
          + "found nan",
        "move the file away to resume with a new optimizer, or start a new run")
      try restore()
    }
    for path in [newest, previous] { try repeatName(path, "target.\(Self.tensor)") }
    expectRefused(
      try run.resume("stop.updates=5000"), "learner-1.optimizer.safetensors'",
      "expected each name once")
    #expect(run.processes.isEmpty)

    // With a valid checkpoint before it the run goes on, and says so.
    try restore()
    try spoil(newest, "adam.m.\(Self.tensor)")
    let resumed = try run.resume("stop.updates=5000")
    #expect(resumed.code == 0, "\(resumed.errors)")
    #expect(resumed.output.contains("found nan") && resumed.output.contains("is used instead"))
    #expect(run.log("learner-1").contains("found nan"))
  }

  /// After a divergence a learner begins from its checkpoint's weights.
  @Test func resumeRefusesLastGoodWeightsThatAreNot() throws {
    let run = try ended()
    var rows = LeftOutRows()
    rows.insert(1)
    rows.isAfterDivergence = true
    try rows.write(to: file(run, "learner-1.left-out"))
    let (newest, previous) = (file(run, "learner-1"), file(run, "learner-1.previous"))
    let good = try Data(contentsOf: URL(filePath: previous))
    for path in [newest, previous] { try spoil(path, Self.tensor) }
    expectRefused(
      try run.resume("stop.updates=5000"),
      "learner-1.safetensors': tensor '\(Self.tensor)', element 1: expected a finite number, found nan",
      "the run diverged, and these are its last good weights: move the file away")
    #expect(run.processes.isEmpty)

    try good.write(to: URL(filePath: previous))
    let updates = try SafetensorsFile(path: previous).count("updates")
    let resumed = try run.resume("stop.updates=5000")
    #expect(resumed.code == 0, "\(resumed.errors)")
    #expect(
      resumed.output.contains("learner-1.previous.safetensors, of \(updates) updates, is used instead"))
    #expect(
      run.log("learner-1").contains(
        "resuming after a divergence from the last good checkpoint, of \(updates) updates"))
    #expect(try LeftOutRows(path: file(run, "learner-1.left-out")).isAfterDivergence == false)
  }
}
