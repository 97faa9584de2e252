// The recorder process.

public import Configuration

/// Records the experience that a replay accepts.
public final class RecorderService {
  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {}

  public func run() throws {}
}
