// The native environments, by id.

internal import Foundations

/// The environments that are part of this program. To add one, write a file with its
/// `NativeEnvironment` and add a case here.
public enum EnvironmentCatalog: String, CaseIterable, Sendable {
  case cartPole = "CartPole-v1"
  case acrobot = "Acrobot-v1"
  case mountainCar = "MountainCar-v0"

  /// The most environments of one batch; a larger count is probably a typing error.
  public static let countMax = 1 << 20

  /// The environment with Gymnasium's id `id`.
  ///
  /// - Throws: `EnvironmentError.unknownEnvironment`.
  public init(id: String) throws {
    guard let found = Self(rawValue: id) else {
      throw EnvironmentError.unknownEnvironment(id: id, known: Self.known(near: id))
    }
    self = found
  }

  /// Shape, actions, time limit and threshold.
  public var spec: EnvironmentSpec {
    switch self {
    case .cartPole: CartPole.spec
    case .acrobot: Acrobot.spec
    case .mountainCar: MountainCar.spec
    }
  }

  /// A batch of `count` environments; call `reset` before the first `step`. Each environment has
  /// its own generator, seeded by `seed` and its index, so its episodes do not depend on `count` or
  /// on others.
  ///
  /// - Throws: `EnvironmentError.invalidCount`.
  public func make(count: Int, seed: UInt64) throws -> any EnvironmentBatch {
    guard (1...Self.countMax).contains(count) else { throw EnvironmentError.invalidCount(count) }
    return switch self {
    case .cartPole: NativeBatch<CartPole>(count: count, seed: seed)
    case .acrobot: NativeBatch<Acrobot>(count: count, seed: seed)
    case .mountainCar: NativeBatch<MountainCar>(count: count, seed: seed)
    }
  }

  /// `EnvironmentCatalog(id: id).make(count:seed:)`.
  public static func make(_ id: String, count: Int, seed: UInt64) throws -> any EnvironmentBatch {
    try Self(id: id).make(count: count, seed: seed)
  }

  /// All ids, ordered by edit distance to `id` without regard to case.
  static func known(near id: String) -> [String] {
    // The distance takes length × length operations: only the start of a long id is compared.
    let wanted = id.prefix(64).lowercased()
    return allCases.map(\.rawValue)
      .map { (name: $0, distance: editDistance(wanted, $0.lowercased()) ?? .max) }
      .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
      .map(\.name)
  }
}
