#pragma once

#include <nlohmann/json.hpp>
#include <regex>
#include <string>

namespace convoy::test {

/// What in `value` breaks a JSON Schema of the kind that Convoy writes, or an empty string. Unknown keywords
/// of the schema are an error, so that nothing passes unchecked.
class JsonSchema {
 public:
  using Json = nlohmann::ordered_json;

  static std::string check(const Json& schema, const Json& value, const std::string& path = "") {
    for (const auto& [keyword, rule] : schema.items()) {
      const std::string problem = check_keyword(schema, keyword, rule, value, path);
      if (!problem.empty()) return problem;
    }
    return "";
  }

 private:
  static bool has_type(const std::string& type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "number") return value.is_number();
    if (type == "integer") return value.is_number_integer();
    return false;
  }

  static std::string check_keyword(const Json& schema, const std::string& keyword, const Json& rule,
                                   const Json& value, const std::string& path) {
    const auto broken = [&](bool is) {
      return is ? path + ": " + keyword + " " + rule.dump() : std::string();
    };
    for (const char* silent : {"$schema", "title", "description", "default"}) {
      if (keyword == silent) return "";
    }
    if (keyword == "type") {
      if (rule.is_string()) return broken(!has_type(rule, value));
      bool any = false;
      for (const Json& type : rule) any = any || has_type(type, value);
      return broken(!any);
    }
    if (keyword == "const") return broken(value != rule);
    if (keyword == "enum") return broken(std::find(rule.begin(), rule.end(), value) == rule.end());
    if (keyword == "minimum") return broken(value.is_number() && value.get<double>() < rule.get<double>());
    if (keyword == "maximum") return broken(value.is_number() && value.get<double>() > rule.get<double>());
    if (keyword == "exclusiveMinimum")
      return broken(value.is_number() && value.get<double>() <= rule.get<double>());
    if (keyword == "exclusiveMaximum")
      return broken(value.is_number() && value.get<double>() >= rule.get<double>());
    if (keyword == "minItems") return broken(value.is_array() && value.size() < rule.get<std::size_t>());
    if (keyword == "maxItems") return broken(value.is_array() && value.size() > rule.get<std::size_t>());
    if (keyword == "minLength")
      return broken(value.is_string() && value.get<std::string>().size() < rule.get<std::size_t>());
    if (keyword == "pattern") {
      return broken(value.is_string() &&
                    !std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>())));
    }
    if (keyword == "anyOf" || keyword == "oneOf") return check_choice(keyword, rule, value, path);
    return check_structure(schema, keyword, rule, value, path);
  }

  static std::string check_choice(const std::string& keyword, const Json& rule, const Json& value,
                                  const std::string& path) {
    std::string problems;
    std::size_t fits = 0;
    for (const Json& alternative : rule) {
      const std::string problem = check(alternative, value, path);
      fits += problem.empty();
      problems += "\n  " + problem;
    }
    return fits == 1 || (fits > 1 && keyword == "anyOf") ? "" : path + ": " + keyword + problems;
  }

  static std::string check_structure(const Json& schema, const std::string& keyword, const Json& rule,
                                     const Json& value, const std::string& path) {
    if (keyword == "required") {
      for (const Json& key : rule) {
        if (value.is_object() && !value.contains(key.get<std::string>())) return path + ": no " + key.dump();
      }
    } else if (keyword == "items") {
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
        const std::string problem = check(rule, value[i], path + "[" + std::to_string(i) + "]");
        if (!problem.empty()) return problem;
      }
    } else if (keyword == "properties" || keyword == "additionalProperties") {
      return check_properties(schema, keyword, rule, value, path);
    } else {
      return path + ": unknown keyword " + keyword;
    }
    return "";
  }

  static std::string check_properties(const Json& schema, const std::string& keyword, const Json& rule,
                                      const Json& value, const std::string& path) {
    if (!value.is_object()) return "";
    for (const auto& [key, child] : value.items()) {
      const bool listed = schema.contains("properties") && schema["properties"].contains(key);
      if (keyword == "properties" && !listed) continue;
      if (keyword == "additionalProperties" && listed) continue;
      if (rule.is_boolean() && !rule.get<bool>()) return path + ": unknown key " + key;
      const std::string problem = check(keyword == "properties" ? rule[key] : rule, child, path + "." + key);
      if (!problem.empty()) return problem;
    }
    return "";
  }
};

}  // namespace convoy::test
