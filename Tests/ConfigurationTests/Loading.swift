// Configurations from text.

import Configuration

func load(
  _ text: String, _ variables: [String: String] = [:], _ settings: [String] = []
) throws(ConfigurationError) -> EffectiveConfiguration {
  try EffectiveConfiguration(text: text, file: "my run.yaml", variables: variables, settings: settings)
}

/// Why a configuration is refused; empty if it is not.
func problems(_ text: String, _ variables: [String: String] = [:], _ settings: [String] = []) -> [String] {
  do {
    _ = try load(text, variables, settings)
    return []
  } catch {
    return error.problems.map(\.description)
  }
}
