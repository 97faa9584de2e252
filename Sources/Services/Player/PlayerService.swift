// The player process.

public import Configuration

/// Plays a recording into a replay.
public final class PlayerService {
  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {}

  public func run() throws {}
}
