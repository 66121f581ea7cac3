// SPDX-License-Identifier: Apache-2.0
#include "lib/report/html.h"

#include <fmt/format.h>

#include "lib/base/json.h"

namespace sy::report {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

// Invalid UTF-8 becomes U+FFFD, by the library that also writes it into JSON.
std::string valid_utf8(std::string_view text) {
  const std::string quoted =
      Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

std::string cells(const std::vector<std::string>& row) {
  std::string html = "<tr>";
  for (size_t i = 0; i < row.size(); ++i) {
    html += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", escaped(row[i]))
                   : fmt::format("<td>{}</td>", escaped(row[i]));
  }
  return html + "</tr>\n";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : valid_utf8(text)) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      case '\t':
      case '\n':
        html += c;
        break;
      default:
        if ((c >= 0 && c < ' ') || c == '\x7F') {
          html += kReplacement;
        } else {
          html += c;
        }
    }
  }
  return html;
}

std::string table_html(const Table& table) {
  std::string html = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><table>\n"
      "<caption>{0}</caption>\n<thead><tr>",
      escaped(table.caption));
  for (const std::string& head : table.head) {
    html += fmt::format("<th scope=\"col\">{}</th>", escaped(head));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) html += cells(row);
  return html + "</tbody></table></div>\n";
}

std::string folded_table_html(const Table& table) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(table.caption),
                     table_html(table));
}

}  // namespace sy::report
