// Plots as XML.

import FoundationXML
import Foundation
import Testing

@testable import Plotting

@Suite struct LinePlotTests {
  private func plot(_ series: [Series], threshold: Double? = nil, title: String = "t") -> LinePlot {
    LinePlot(title: title, xLabel: "x", yLabel: "y", series: series, threshold: threshold)
  }

  private func curve(_ name: String, _ count: Int) -> Series {
    Series(
      name: name,
      points: (0..<count).map { CurvePoint(x: Double($0), y: Double($0 * $0), low: Double($0), high: 1e4) })
  }

  @Test func aCurveHasItsPoints() throws {
    let elements = try Elements(plot([curve("a", 7), curve("b", 40)], threshold: 475).svg())
    #expect(elements.of("curve").map { $0.split(separator: " ").count } == [7, 40])
    #expect(elements.of("range").map { $0.split(separator: " ").count } == [14, 80])
    #expect(elements.names.filter { $0 == "line" }.count > 4)
    #expect(elements.texts.isSuperset(of: ["a", "b", "x", "y", "threshold 475"]))
  }

  @Test func everythingIsInsideThePicture() throws {
    let series = Series(name: "a", points: [CurvePoint(x: 3, y: -7), CurvePoint(x: 9e6, y: 12e6)])
    let elements = try Elements(plot([series], threshold: -50e6).svg())
    for pair in elements.of("curve")[0].split(separator: " ") {
      let numbers = pair.split(separator: ",").compactMap { Double($0) }
      #expect((0...960).contains(numbers[0]) && (0...540).contains(numbers[1]))
    }
  }

  /// Names of folders may hold any character.
  @Test func hostileNames() throws {
    let name = "<script>&\"'\u{1}\u{FFFF}é"
    let elements = try Elements(plot([curve(name, 3)], title: name).svg())
    #expect(elements.texts.contains("<script>&\"'  é"))
    #expect(!elements.names.contains("script"))
  }

  @Test func whatIsNoNumberIsLeftOut() throws {
    let points = [Double.nan, .infinity, 1e305, 1, 2].map { CurvePoint(x: 1, y: $0) }
    let series = Series(name: "a", points: points + [CurvePoint(x: .nan, y: 1)])
    #expect(series.points.map(\.y) == [1, 2])
    for odd in [[], [CurvePoint(x: 0, y: 0)], [CurvePoint(x: 1e299, y: -1e299), CurvePoint(x: 0, y: 1e299)]] {
      _ = try Elements(plot([Series(name: "a", points: odd)], threshold: .infinity).svg())
    }
    _ = try Elements(plot([]).svg())
  }

  @Test func manyCurvesDiffer() throws {
    let svg = plot((0..<20).map { curve("run \($0)", 3) }).svg()
    let styles = svg.split(separator: "\n").filter { $0.contains("class=\"curve\"") }
      .map { line in line.drop { $0 != "f" }.split(separator: "fill=\"none\"").last ?? "" }
    #expect(styles.count == 20 && Set(styles).count == 20)
  }
}

@Suite struct SeriesTests {
  @Test func meanAndStandardError() throws {
    let a = Series(name: "a", points: [CurvePoint(x: 0, y: 0), CurvePoint(x: 10, y: 10)])
    let b = Series(
      name: "b", points: [CurvePoint(x: 2, y: 4), CurvePoint(x: 8, y: 4), CurvePoint(x: 20, y: 4)])
    let mean = try #require(Series.mean(of: [a, b], name: "m", gridPoints: 3))
    #expect(mean.points.map(\.x) == [2, 6, 10])
    #expect(mean.points.map(\.y) == [3, 5, 7])
    // Of 10 and 4: s = √18, s/√2 = 3.
    #expect(abs(mean.points[2].low - 4) < 1e-12 && abs(mean.points[2].high - 10) < 1e-12)
    let far = Series(name: "c", points: [CurvePoint(x: 30, y: 0), CurvePoint(x: 40, y: 0)])
    let range = try #require(Series.mean(of: [a, b], name: "m", band: .extremes, gridPoints: 3))
    #expect(range.points.map(\.y) == [3, 5, 7])
    for (point, x) in zip(range.points, [2.0, 6, 10]) {
      let values = [a, b].compactMap { $0.value(at: x) }
      #expect(point.low == values.min() && point.high == values.max())
    }
    #expect(Series.mean(of: [a, far], name: "m") == nil)
    #expect(Series.mean(of: [a, Series(name: "d", points: [])], name: "m") == nil)
    #expect(Series.mean(of: [], name: "m") == nil)
  }

  @Test func thinningKeepsBothEnds() {
    let all = Series(name: "a", points: (0..<10_001).map { CurvePoint(x: Double($0), y: 0) })
    for most in [2, 3, 100, 4000, 10_000] {
      let thin = all.thinned(to: most)
      #expect(thin.points.count <= most && thin.points.count > most / 3)
      #expect(thin.points.first?.x == 0 && thin.points.last?.x == 10_000)
    }
    #expect(all.thinned(to: 20_000) == all)
  }

  @Test func valuesBetweenPoints() {
    let points = [(0.0, 0.0), (1, 10), (1, 20), (3, 0)].map { CurvePoint(x: $0.0, y: $0.1) }
    let series = Series(name: "a", points: points)
    #expect(series.value(at: 0.5) == 5 && series.value(at: 2) == 10 && series.value(at: 3) == 0)
    #expect(series.value(at: -0.1) == nil && series.value(at: 3.1) == nil)
  }
}

/// The elements of a document, which must be XML.
private final class Elements: NSObject, XMLParserDelegate {
  private(set) var names: [String] = []
  private(set) var texts: Set<String> = []
  private var points: [(group: String, points: String)] = []
  private var text = ""

  init(_ document: String) throws {
    super.init()
    let parser = XMLParser(data: Data(document.utf8))
    parser.delegate = self
    try #require(parser.parse(), "no XML: \(document.prefix(2000))")
  }

  /// The `points` of the elements of a class.
  func of(_ group: String) -> [String] { points.filter { $0.group == group }.map(\.points) }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    names.append(name)
    text = ""
    if let group = attributes["class"], let list = attributes["points"] { points.append((group, list)) }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    if name == "text" { texts.insert(text) }
  }
}
