// A parameter server that makes updates of gradients, with scripted learners.

import Algorithms
import Configuration
import Experience
import Foundations
import Numerics
import Wire

@testable import Services

extension Aggregation {
  /// Gradient descent with a step size of 1, unless told otherwise.
  static func gradients(
    _ mode: GradientsConfiguration.Mode = .asynchronous, maxStaleness: UInt64 = 64,
    late: AggregationConfiguration.Late? = nil, _ optimizer: Optimizer = .sgd(SGD()),
    learningRate: Schedule = 1, clip: Float? = nil
  ) -> Aggregation {
    let standard: AggregationConfiguration.Late = mode == .asynchronous ? .wait : .carry
    return .gradients(
      GradientsConfiguration(
        mode: mode, maxStaleness: maxStaleness, late: late ?? standard,
        descent: GradientDescent(optimizer, learningRate: learningRate, clip: clip)))
  }
}

/// UPDATED's fields, copied.
struct Answered: Equatable {
  var learner: UInt64
  var sequence: UInt64
  var outcome: Updated.Outcome
  var staleness: UInt64
  var updates: UInt64
  var values: [Float]

  init(
    _ learner: UInt64, _ sequence: UInt64, _ outcome: Updated.Outcome = .applied, staleness: UInt64 = 0,
    updates: UInt64, _ values: [Float]
  ) {
    self.learner = learner
    self.sequence = sequence
    self.outcome = outcome
    self.staleness = staleness
    self.updates = updates
    self.values = values
  }

  init?(_ sent: Sent) {
    guard sent.type == .updated,
      let learner = (1...100 as ClosedRange<UInt64>).first(where: { PeerID(number: $0) == sent.peer })
    else { return nil }
    let read = sent.read { cursor in
      let updated = try Updated(from: &cursor)
      let values = (0..<updated.values.count / 4).map {
        updated.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
      }
      return Answered(
        learner, updated.sequence, updated.outcome, staleness: updated.staleness,
        updates: updated.updates, values)
    }
    guard let read else { return nil }
    self = read
  }
}

extension ServerHarness {
  /// Sends a gradient, and returns all answers that the server sends after it.
  mutating func gradient(
    _ id: UInt64, _ sequence: UInt64, base: UInt64, _ values: [Float], rows: Int = 1, weightMax: Double = 1,
    at milliseconds: Double = 0, over peer: UInt64? = nil, of incarnation: UInt64 = 99
  ) -> [Sent] {
    values.withUnsafeBytes { values in
      let gradient = Gradient(
        id: Fixtures.id(id), sequence: sequence, incarnation: Fixtures.id(incarnation), base: base,
        rows: rows,
        weightMax: weightMax, madeAt: Int64(sequence) * 10, values: values)
      return receive(frame { gradient.encode(into: $0) }, at: milliseconds, over: peer ?? id)
    }
  }

  mutating func updated(
    _ id: UInt64, _ sequence: UInt64, base: UInt64, _ values: [Float], rows: Int = 1, weightMax: Double = 1,
    at milliseconds: Double = 0, of incarnation: UInt64 = 99
  ) -> [Answered] {
    gradient(
      id, sequence, base: base, values, rows: rows, weightMax: weightMax, at: milliseconds, of: incarnation
    ).compactMap(Answered.init)
  }

  /// Lets time pass, and returns the answers that the server sends.
  mutating func wait(until milliseconds: Double) -> [Answered] {
    machine.advance(to: .at(milliseconds), sink: sink)
    return sink.take().compactMap(Answered.init)
  }
}
