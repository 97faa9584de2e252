// The dashboard page, `/`.

/// The page, one file. Its script and style carry a nonce, so that the browser runs no other
/// script.
struct DashboardPage {
  let body: [UInt8]
  let contentSecurityPolicy: String

  /// The placeholder for the nonce in the file.
  private static let mark = "{{nonce}}"

  init(using generator: inout some RandomNumberGenerator) {
    let nonce = (0..<4).map { _ in String(generator.next() as UInt64, radix: 16) }.joined()
    let page = String(decoding: PackageResources.dashboard_html, as: UTF8.self)
    body = Array(page.replacing(Self.mark, with: nonce).utf8)
    contentSecurityPolicy =
      "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; img-src data:; "
      + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  }
}
