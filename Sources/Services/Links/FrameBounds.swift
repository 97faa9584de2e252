// The largest frames that there can be.

internal import Experience
internal import Wire

/// What a socket takes in one frame (ZMQ_MAXMSGSIZE): the largest message that its service or
/// client can get in a run of this configuration, and some room. A larger one ends the connection
/// before memory is taken for it.
enum FrameBounds {
  /// So large that what is too large for this run alone is still read, and refused with the reason.
  private static let least = 1 << 20

  /// To the parameter server: CHANGE, or TELEMETRY with all its counters.
  static func parameterRequest(_ manifest: WeightsManifest) -> Int {
    least + manifest.elementCount * 4
  }

  /// From it: STATUS.
  static let parameterAnswer = least

  /// WEIGHTS. Those of a network that is somewhat larger are still read, and named in the refusal.
  static func weights(_ manifest: WeightsManifest) -> Int {
    let names = manifest.tensors.reduce(0) { $0 + 16 + $1.name.utf8.count + 9 * $1.shape.count }
    return 16 * least + manifest.elementCount * 4 + names + Limits.members * 32
  }

  /// A subscription: a prefix up to a topic of 128 bytes, with libzmq's own words on a new
  /// connection.
  static let subscription = 512

  /// To the replay: INSERT. Messages of 256 KB to 1 MB serve best; four of those that this
  /// configuration's actors send fit into what there is beside 64 MB. WELCOME says how much it is.
  /// - Parameter stepBytes: nil while nobody has said what steps look like.
  static func insert(stepBytes: Int?, messageSteps: Int) -> Int {
    // An item of each of 16 tables has 20 bytes.
    let (message, overflow) = messageSteps.multipliedReportingOverflow(by: (stepBytes ?? 0) + 320)
    return overflow || message > Limits.frameBytes / 8 ? Limits.frameBytes : 64 * least + 4 * message
  }
}
