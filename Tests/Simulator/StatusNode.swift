// A simulated evaluator, which also follows the run's status.

internal import Experience
internal import Foundations
internal import Services
internal import Wire

/// Sends evaluations, asks for the run's status, and checks that each evaluation that the server
/// received comes once and in order.
final class StatusNode: Node {
  unowned let cluster: Cluster
  let index: Int
  let isUp = true
  var stalledUntil = Instant.zero
  private var generator: SeededGenerator
  private var follower = StatusFollower()
  private var nextEvaluation = Instant.zero
  private var nextQuestion = Instant.zero
  private var evaluations: UInt64 = 0
  private let writer = FrameWriter()
  /// The last evaluation seen.
  private(set) var newest: UInt64 = 0

  init(cluster: Cluster, index: Int) {
    self.cluster = cluster
    self.index = index
    generator = SeededGenerator(seed: cluster.seed, part: "status")
  }

  func crash() {}
  func restart() {}

  func advance() -> Instant {
    let sink = cluster.sink(of: index, to: .parameters)
    if cluster.now >= nextEvaluation {
      evaluations += 1
      EvaluationReport(
        Evaluation(
          kind: .regular, version: evaluations, updates: 0, episodes: 1, meanReturn: Double(evaluations),
          minReturn: 0, maxReturn: 0, isSolved: false)
      ).encode(into: writer)
      sink.send(writer.bytes, to: .service)
      nextEvaluation = cluster.now + .milliseconds(Double(100 + generator.below(300)))
    }
    if cluster.now >= nextQuestion {
      follower.question(counters: nil).encode(into: writer)
      sink.send(writer.bytes, to: .service)
      nextQuestion = cluster.now + .milliseconds(250)
    }
    return min(nextEvaluation, nextQuestion)
  }

  func receive(_ frame: [UInt8], over connection: Connection) {
    frame.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      guard (try? cursor.openMessage()) == .status, let status = try? Status(from: &cursor) else { return }
      for evaluation in follower.newEvaluations(in: status) {
        check(evaluation, ofCurrentIncarnation: status.incarnation == cluster.parameters.machine.incarnation)
      }
    }
  }

  private var seen: [Identifier: Int] = [:]

  private func check(_ evaluation: Evaluation, ofCurrentIncarnation: Bool) {
    guard ofCurrentIncarnation else { return }
    let machine = cluster.parameters.machine
    let number = seen[machine.incarnation] ?? 0
    seen[machine.incarnation] = number + 1
    newest = max(newest, evaluation.version)
    guard number < machine.board.evaluations.count, machine.board.evaluations[number] == evaluation else {
      return cluster.violation(
        "evaluation \(evaluation.version) came as number \(number) of the server's incarnation")
    }
  }
}
