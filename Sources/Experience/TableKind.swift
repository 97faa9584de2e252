// What a table makes of steps.

/// How a table turns steps into what is sampled.
public enum TableKind: Hashable, Sendable {
  /// n-step transitions: s_t, a_t, Σ_{k<n'} γᵏ r_{t+k}, γ^{n'}·(1 − terminal), s_{t+n'}; at an episode's end n shrinks to n'.
  /// An item spans n' + 1 steps. (Sutton & Barto 2018, eq. 7.1.)
  case transition(nStep: Int, discount: Float)
  /// `length` steps that follow each other, of which a writer starts one every `period` steps: with period = length − 1
  /// neighbours share one step, whose value the one bootstraps from (IMPALA: T + 1 and T; Espeholt et al. 2018, §3).
  case sequence(length: Int, period: Int, episodes: SequenceEpisodes)
  /// Each step by itself, for writers whose steps are whole transitions, or anything else.
  case record
}

/// What a sequence does where an episode ends. Raw values are the codes on the wire.
public enum SequenceEpisodes: UInt8, CaseIterable, Sendable {
  /// It goes on with the next episode. Items start at every `period`-th step of the stream.
  case cross = 1
  /// It ends, and is filled up with zeros. Items start at every `period`-th step of the episode, until one reaches its end.
  case pad = 2

  /// The name used in configuration and messages.
  public var name: String {
    switch self {
    case .cross: "cross"
    case .pad: "pad"
    }
  }
}

extension TableKind {
  /// Steps that an item may span. Fewer than the most only where its last step ends the episode.
  public var spans: ClosedRange<Int> {
    switch self {
    case .transition(let nStep, _): 2...max(2, nStep + 1)
    case .sequence(let length, _, .cross): length...length
    case .sequence(let length, _, .pad): 1...max(1, length)
    case .record: 1...1
    }
  }

  /// Whether an item may hold steps of several episodes.
  public var crossesEpisodes: Bool {
    if case .sequence(_, _, .cross) = self { true } else { false }
  }

  /// As configurations and messages name it.
  public enum Name: String, CaseIterable, Sendable {
    case transition, sequence, record
  }

  public var name: Name {
    switch self {
    case .transition: .transition
    case .sequence: .sequence
    case .record: .record
    }
  }
}

extension TableKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .transition(let nStep, let discount): "transition(nStep: \(nStep), discount: \(discount))"
    case .sequence(let length, let period, let episodes):
      "sequence(length: \(length), period: \(period), episodes: \(episodes.name))"
    case .record: "record"
    }
  }
}
