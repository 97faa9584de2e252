// The largest frames that sockets accept.

internal import Experience
internal import Wire

/// The largest frame that a socket accepts, in bytes (ZMQ_MAXMSGSIZE): the largest message that its
/// service or client can get in a run of this configuration, and some room. A larger one ends the
/// connection before memory is allocated for it.
enum FrameBounds {
  /// Room for messages that are too large for this run only: they are still read, and refused with
  /// the reason.
  private static let least = 1 << 20

  /// To the parameter server: DELTA or GRADIENT, or TELEMETRY with all its counters.
  static func parameterRequest(_ manifest: WeightsManifest) -> Int {
    least + manifest.elementCount * 4
  }

  /// From the parameter server: STATUS, and to learners UPDATED.
  static let parameterAnswer = least
  static func parameterAnswer(_ manifest: WeightsManifest) -> Int { least + manifest.elementCount * 4 }

  /// WEIGHTS. Those of a slightly larger network are still read, and named in the refusal.
  static func weights(_ manifest: WeightsManifest) -> Int {
    let names = manifest.tensors.reduce(0) { $0 + 16 + $1.name.utf8.count + 9 * $1.shape.count }
    return 16 * least + manifest.elementCount * 4 + names + Limits.members * 32
  }

  /// A subscription: a prefix up to a topic of 128 bytes, and libzmq's own commands on a new
  /// connection.
  static let subscription = 512

  /// To the replay: INSERT. Messages of 256 KB to 1 MB serve best. Four of those that this
  /// configuration's actors send fit into the bound, beside 64 MB. WELCOME says the bound.
  /// - Parameter stepBytes: nil while the schema is unknown.
  static func insert(stepBytes: Int?, messageSteps: Int) -> Int {
    // 20 bytes for an item of each of 16 tables.
    let (message, overflow) = messageSteps.multipliedReportingOverflow(by: (stepBytes ?? 0) + 320)
    return overflow || message > Limits.frameBytes / 8 ? Limits.frameBytes : 64 * least + 4 * message
  }
}
