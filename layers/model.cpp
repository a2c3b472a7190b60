#include "layers/model.h"
