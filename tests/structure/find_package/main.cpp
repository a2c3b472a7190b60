// A program outside the tree that uses each of Convoy's libraries.
#include <cstdio>

#include "comm/world.h"
#include "core/random.h"
#include "core/tensor.h"
#include "launcher/version.h"
#include "layers/model.h"

int main() {
  std::printf("%s\n%s\n", convoy::World::library().c_str(), convoy::version_text().c_str());
  return 0;
}
