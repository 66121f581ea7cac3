// SPDX-License-Identifier: Apache-2.0
#include "lib/report/page.h"

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/report/chart.h"
#include "lib/report/html.h"
#include "lib/report/run_charts.h"
#include "lib/report/run_tables.h"
#include "lib/report/script_js.h"
#include "lib/report/style_css.h"

namespace sy::report {
namespace {

struct Section {
  const char* id;
  const char* title;
  std::string (*html)(const std::vector<RunData>& runs);
};
constexpr Section kSections[] = {
    {"figures", "Final figures", final_figures},
    {"losses", "Loss", loss_charts},
    {"corpora", "Loss by corpus", corpus_charts},
    {"tasks", "Tasks", task_charts},
    {"router", "Router", router_charts},
    {"optimizer", "Optimisation", optimizer_charts},
    {"speed", "Speed", speed_charts},
    {"differences", "Configuration differences", configuration_differences},
    {"checkpoints", "Checkpoints", checkpoint_tables},
    {"events", "Resumes, stops and warnings", event_lists},
};

std::vector<std::string> names_of(const std::vector<RunData>& runs) {
  std::vector<std::string> names;
  names.reserve(runs.size());
  for (const RunData& run : runs) names.push_back(run.name);
  return names;
}

// The choices work without the script: the style asks which one is checked.
constexpr const char* kControls = R"(<form class="controls">
<fieldset><legend>Horizontal axis</legend>
<label><input type="radio" name="axis" id="axis-steps" value="steps" checked> steps</label>
<label><input type="radio" name="axis" id="axis-tokens" value="tokens"> tokens</label>
<label><input type="radio" name="axis" id="axis-seconds" value="seconds"> time</label>
</fieldset>
<fieldset><legend>Colours</legend>
<label><input type="radio" name="theme" id="theme-system" checked> as the system</label>
<label><input type="radio" name="theme" id="theme-light"> light</label>
<label><input type="radio" name="theme" id="theme-dark"> dark</label>
</fieldset>
</form>
)";

std::string head(const std::string& title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{}</style>\n</head>\n",
      escaped(title), kStyle);
}

}  // namespace

std::string page_html(const std::vector<RunData>& runs) {
  SY_CHECK(!runs.empty(), "a report of no run");
  const std::string title =
      runs.size() == 1 ? "Run " + runs.front().name : fmt::format("{} runs compared", runs.size());
  std::string links, body;
  for (const Section& section : kSections) {
    const std::string html = section.html(runs);
    if (html.empty()) continue;
    append(links, "<a href=\"#{}\">{}</a>\n", section.id, section.title);
    append(body,
           "<section id=\"{0}\" aria-labelledby=\"{0}-heading\">\n<h2 id=\"{0}-heading\">{1}</h2>\n"
           "<div class=\"grid\">\n{2}</div>\n</section>\n",
           section.id, section.title, html);
  }
  std::string html = head(title);
  append(html,
         "<body>\n<a class=\"skip\" href=\"#main\">Skip to the figures</a>\n<header>\n<h1>{}</h1>\n"
         "{}<nav aria-label=\"Sections\">\n{}</nav>\n</header>\n{}",
         escaped(title), legend_html(names_of(runs)), links, kControls);
  append(html,
         "<main id=\"main\">\n{}</main>\n<p class=\"unseen\" id=\"spoken\" role=\"status\"></p>\n"
         "<script>\n{}</script>\n</body>\n</html>\n",
         body, kScript);
  return html;
}

}  // namespace sy::report
