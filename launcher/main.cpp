#include <cstdio>

#include "launcher/version.h"

int main() {
  std::puts(convoy::version_text().c_str());
  return 0;
}
